// Package cli is the command line: every command, its flags, and the lifetime of a run, from the
// profile's lock to the last goodbye. Main is the one way in. It is the only package that imports net/node.
//
//	root.go       the commands; send.go, tail.go, export.go, verify.go, demo.go one each
//	flags.go      the flags of a run, checked and turned into a node's configuration
//	run.go        open → start → wait; shutdown.go ends it, exit.go turns its error into an exit code
package cli

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const version = "0.1.0"

// Main runs the program with the arguments after its name and returns its exit code.
func Main(args []string) int {
	cobra.MousetrapHelpText = "" // a double click on Windows starts a chat like any other start
	root := newRootCommand()
	root.SetArgs(args)
	err := root.Execute()
	if news := dropExpected(err); news != nil {
		printError(news)
	}
	return exitCode(err)
}

// newRootCommand returns the command line. Without a command it starts a chat.
func newRootCommand() *cobra.Command {
	var f flags
	root := &cobra.Command{
		Use:   "p2pchat [PORT | HOST:PORT]...",
		Short: "Chat with everyone on your network, in the terminal",
		Long: "p2pchat finds others on your network by itself, and everything said is encrypted and signed.\n" +
			"Without a command it starts; a PORT means --port, a HOST:PORT means --connect.",
		Args:          cobra.ArbitraryArgs,
		RunE:          f.startChat,
		Version:       version,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	start := &cobra.Command{
		Use: "start [PORT | HOST:PORT]...", Short: "Start chatting (the default)", Args: cobra.ArbitraryArgs, RunE: f.startChat,
	}
	id := &cobra.Command{
		Use: "id", Short: "Show who you are: id, key, fingerprint, profile", Args: countArguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.printIdentity(cmd) },
	}
	printVersion := &cobra.Command{
		Use: "version", Short: "Show the version", Args: countArguments(0, 0),
		Run: func(cmd *cobra.Command, _ []string) {
			cmd.Printf("p2pchat %s (%s/%s, %s)\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
		},
	}
	f.addTo(root)
	f.addTo(start)
	f.addIdentityTo(id)
	root.SetOut(os.Stdout)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if bad := (*pflag.InvalidValueError)(nil); errors.As(err, &bad) { // strconv's words mean nothing to a user
			err = fmt.Errorf("--%s doesn't take %.80q", bad.GetFlag().Name, bad.GetValue())
		}
		return newUsageError(cmd, err)
	})
	root.AddCommand(start, id, newSendCommand(), newTailCommand(), newExportCommand(), newVerifyCommand(), newDemoCommand(), printVersion)
	refuseUnknownArguments(root)
	return root
}

// countArguments accepts between least and most arguments after a command's name. Cobra counts them
// too, but its errors don't give the next step.
func countArguments(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := "write p2pchat " + cmd.Use
		switch {
		case len(args) < least:
			return &usageError{"something is missing after " + cmd.Name(), hint}
		case len(args) > most:
			return &usageError{fmt.Sprintf("%s doesn't take %.40q", cmd.Name(), args[most]), hint}
		}
		return nil
	}
}

// refuseUnknownArguments makes cobra's own commands fail on arguments that they don't know. By
// themselves they print a help text and exit with 0.
func refuseUnknownArguments(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			for _, c := range append([]*cobra.Command{cmd}, cmd.Commands()...) {
				c.Args = func(cmd *cobra.Command, args []string) error {
					if err := cobra.NoArgs(cmd, args); err != nil {
						return newUsageError(cmd, err)
					}
					return nil
				}
			}
		case "help":
			show := cmd.Run
			cmd.Run = nil
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if found, rest, err := root.Find(args); err != nil || len(rest) > 0 || found == root && len(args) > 0 {
					return &usageError{fmt.Sprintf("there is no command %.80q", strings.Join(args, " ")), "p2pchat help lists the commands"}
				}
				show(cmd, args)
				return nil
			}
		}
	}
}

// hideFlags leaves flags out of a command's help that mean nothing to that command.
func hideFlags(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		_ = cmd.Flags().MarkHidden(name)
	}
}
