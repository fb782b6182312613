package demo

import (
	"fmt"
	"os"
	"os/exec"
)

// installers are the package managers that have tmux, and how each is told to install it.
var installers = []struct{ program, command string }{
	{"apt-get", "apt-get install tmux"},
	{"dnf", "dnf install tmux"},
	{"yum", "yum install tmux"},
	{"pacman", "pacman -S tmux"},
	{"zypper", "zypper install tmux"},
	{"apk", "apk add tmux"},
	{"xbps-install", "xbps-install tmux"},
	{"emerge", "emerge app-misc/tmux"},
	{"brew", "brew install tmux"},
	{"port", "port install tmux"},
	{"pkg", "pkg install tmux"},
	{"nix-env", "nix-env -iA nixpkgs.tmux"},
}

// missing is the error where tmux isn't: one line with the command that brings it. This program is called
// as said.
func missing(system, called string) error {
	otherwise := "or " + called + " demo --no-tmux prints a conversation without it"
	if system == "windows" {
		return fmt.Errorf("tmux doesn't run on Windows: start %s in two terminals, %s", called, otherwise)
	}
	how := install(func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	}, os.Geteuid() == 0)
	if how == "" {
		how = "install it"
	}
	return fmt.Errorf("tmux is not installed: %s, %s", how, otherwise)
}

// install is the command for a system that has these programs, or "".
func install(has func(program string) bool, root bool) string {
	for _, i := range installers {
		if !has(i.program) {
			continue
		}
		// Homebrew refuses to run as root, and Nix installs for the person alone.
		if root || i.program == "brew" || i.program == "nix-env" {
			return i.command
		}
		return "sudo " + i.command
	}
	return ""
}
