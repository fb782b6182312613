package demo

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// installers are the commands of the package managers that have tmux.
var installers = []string{
	"apt-get install tmux", "dnf install tmux", "yum install tmux", "pacman -S tmux", "zypper install tmux",
	"apk add tmux", "xbps-install tmux", "emerge app-misc/tmux", "brew install tmux", "port install tmux",
	"pkg install tmux", "nix-env -iA nixpkgs.tmux",
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
	for _, command := range installers {
		program, _, _ := strings.Cut(command, " ")
		if !has(program) {
			continue
		}
		// Homebrew refuses to run as root, and Nix installs for one user only.
		if root || program == "brew" || program == "nix-env" {
			return command
		}
		return "sudo " + command
	}
	return ""
}
