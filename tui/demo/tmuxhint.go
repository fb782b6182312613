package demo

import (
	"fmt"
	"os"
	"os/exec"
)

// installers are the package managers that have tmux, and their commands that install it.
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

// noTmuxError returns the error for a system without tmux: one line with the command that installs it.
// called is what the user types to call this program.
func noTmuxError(system, called string) error {
	otherwise := "or " + called + " demo --no-tmux prints a conversation without it"
	if system == "windows" {
		return fmt.Errorf("tmux doesn't run on Windows: start %s in two terminals, %s", called, otherwise)
	}
	how := installCommand(func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	}, os.Geteuid() == 0)
	if how == "" {
		how = "install it"
	}
	return fmt.Errorf("tmux is not installed: %s, %s", how, otherwise)
}

// installCommand returns the command that installs tmux on a system with these programs, or "".
func installCommand(has func(program string) bool, root bool) string {
	for _, i := range installers {
		if !has(i.program) {
			continue
		}
		// Homebrew refuses to run as root, and Nix installs for one user only.
		if root || i.program == "brew" || i.program == "nix-env" {
			return i.command
		}
		return "sudo " + i.command
	}
	return ""
}
