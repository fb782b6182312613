package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/tui"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/lines"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// plainScopes are the values of --plain-peers.
var plainScopes = []string{string(plain.ScopeLAN), string(plain.ScopeLoopback), string(plain.ScopeAll), string(plain.ScopeOff)}

// defaultRoom is the room of everybody who doesn't ask for another.
const defaultRoom = "lobby"

// options are the flags of start, as typed.
type options struct {
	name, port, listen, room, profile, log string
	connect, interfaces                    []string
	theme                                  string
	plainPeers                             string
	noDiscovery, noTUI, json, ascii        bool
	noMDNS, ask                            bool
	talk                                   *lines.TwoPerson // of --ask, once the questions are answered
	discoveryPort                          int
	memory                                 memory

	beside  bool                                                         // of a command: take another profile if this one is in use
	special func(*group.Group, *event.Queue, *profile.Log) (face, error) // of a command: instead of the face that the terminal asks for
}

// commands is the command line. began becomes true when a command starts to run, so when the command
// line was understood.
func commands(hook func(*group.Group)) (root *cobra.Command, began *bool) {
	var o options
	began = new(bool)
	start := func(cmd *cobra.Command, args []string) error {
		*began = true
		cfg, err := o.config(cmd.Flags(), args)
		if err != nil {
			return err
		}
		if o.ask {
			if err := o.askFirst(&cfg); err != nil {
				return err
			}
		}
		return o.start(cfg, hook)
	}
	root = &cobra.Command{
		Use:   "p2pchat [PORT | HOST:PORT]...",
		Short: "Chat with everybody on your network, in the terminal",
		Long: "p2pchat finds others on your network by itself, and everything said is encrypted and signed.\n" +
			"Without a command it starts; a PORT means --port, a HOST:PORT means --connect.",
		Args:          cobra.ArbitraryArgs,
		RunE:          start,
		Version:       version,
		SilenceErrors: true, SilenceUsage: true,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	first := &cobra.Command{
		Use: "start [PORT | HOST:PORT]...", Short: "Start chatting (the default)", Args: cobra.ArbitraryArgs, RunE: start,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	id := &cobra.Command{
		Use: "id", Short: "Show who you are: id, key, fingerprint, profile", Args: words(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			*began = true
			return o.showID(cmd)
		},
	}
	ver := &cobra.Command{
		Use: "version", Short: "Show the version", Args: words(0, 0),
		Run: func(cmd *cobra.Command, _ []string) {
			cmd.Printf("p2pchat %s (%s/%s, %s)\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
		},
	}
	for _, cmd := range []*cobra.Command{root, first} {
		o.flags(cmd)
	}
	o.whoFlags(id)
	root.SetOut(os.Stdout)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if bad := (*pflag.InvalidValueError)(nil); errors.As(err, &bad) { // not in the words of strconv
			return fmt.Errorf("--%s can't be %.80q", bad.GetFlag().Name, bad.GetValue())
		}
		return err
	})
	root.AddCommand(first, id, sendCommand(began), tailCommand(began), exportCommand(began), verifyCommand(began), demoCommand(began), ver)
	strict(root)
	return root, began
}

// words is how many words a command takes after its name. cobra counts them too, but says "accepts 1
// arg(s)", without the next step.
func words(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := "write p2pchat " + cmd.Use
		switch {
		case len(args) < least:
			return &usageError{cmd.Name() + " needs more than that", hint}
		case len(args) > most:
			return &usageError{fmt.Sprintf("%s doesn't take %.40q", cmd.Name(), args[most]), hint}
		}
		return nil
	}
}

// strict makes cobra's own commands refuse what they don't know: they would print a help that nobody
// asked for, and say that all is well.
func strict(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Args = cobra.NoArgs
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		case "help":
			show := cmd.Run
			cmd.Run = nil
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if found, rest, err := root.Find(args); err != nil || len(rest) > 0 || found == root && len(args) > 0 {
					return &usageError{fmt.Sprintf("there is no command %.80q to tell of", strings.Join(args, " ")), "p2pchat help lists the commands"}
				}
				show(cmd, args)
				return nil
			}
		}
	}
}

func (o *options) whoFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.name, "name", "", "what you are called: `NAME` (default: your login name)")
	cmd.Flags().StringVar(&o.profile, "profile", "", "keep key and memory in the folder `DIR`, not in one per name")
	_ = cmd.MarkFlagDirname("profile")
}

func (o *options) flags(cmd *cobra.Command) {
	o.whoFlags(cmd)
	o.memory.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.port, "port", strconv.Itoa(command.DefaultPort), "listen on `PORT`; 0 takes any that is free")
	f.StringVar(&o.listen, "listen", "", "listen on `HOST:PORT` (default: every address, IPv4 and IPv6)")
	f.StringArrayVar(&o.connect, "connect", nil, "connect to a peer at `HOST:PORT`, line://HOST:PORT or json://HOST:PORT; may be repeated")
	f.StringVar(&o.room, "room", defaultRoom, "meet in the room `NAME`")
	f.StringArrayVar(&o.interfaces, "interface", nil, "use only the network interface `NAME` (lo: only this machine); may be repeated")
	f.BoolVar(&o.noDiscovery, "no-discovery", false, "don't look for peers on the network, only --connect")
	f.IntVar(&o.discoveryPort, "discovery-port", 9999, "look for peers on the UDP `PORT`")
	f.BoolVar(&o.noMDNS, "no-mdns", false, "don't look for programs of the seed by mDNS")
	f.StringVar(&o.plainPeers, "plain-peers", string(plain.ScopeLAN), "talk in clear to peers that can't encrypt, from `WHERE`: lan, loopback, all or off")
	f.BoolVar(&o.ask, "ask", false, "ask for an address and a port first, as the two-person program does")
	f.BoolVar(&o.noTUI, "no-tui", false, "speak lines instead of drawing a screen")
	f.StringVar(&o.theme, "theme", "auto", "colours for a `BACKGROUND`: auto, dark or light")
	f.BoolVar(&o.ascii, "ascii", false, "draw with plain ASCII, for fonts that lack the glyphs")
	f.BoolVar(&o.json, "json", false, "speak JSON, one object a line")
	f.StringVar(&o.log, "log", "", "write the log to `FILE` (default: log in the profile)")
	_ = cmd.MarkFlagFilename("log")
	_ = cmd.RegisterFlagCompletionFunc("interface", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return interfaceNames(), cobra.ShellCompDirectiveNoFileComp
	})
	_ = cmd.RegisterFlagCompletionFunc("plain-peers", cobra.FixedCompletions(plainScopes, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(tui.Themes[:], cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"name", "port", "listen", "connect", "room", "discovery-port"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// config checks the flags and makes a node's configuration of them, but for what the profile adds.
func (o *options) config(set *pflag.FlagSet, args []string) (node.Config, error) {
	cfg := node.Config{NoDiscovery: o.noDiscovery, DiscoveryPort: o.discoveryPort,
		NoMDNS: o.noMDNS, Bare: o.ask,
		Agent: fmt.Sprintf("p2pchat/%s (%s)", version, runtime.GOOS)}
	if err := o.memory.apply(&cfg); err != nil {
		return cfg, err
	}
	portGiven := set.Changed("port")
	connect := slices.Clone(o.connect)
	for _, arg := range args {
		switch {
		case strings.Trim(arg, "0123456789") == "" && portGiven:
			return cfg, &usageError{fmt.Sprintf("%.80s would be a second port", arg), "give one PORT"}
		case strings.Trim(arg, "0123456789") == "":
			o.port, portGiven = arg, true
		case strings.ContainsAny(arg, ":."):
			connect = append(connect, arg)
		default:
			return cfg, &usageError{fmt.Sprintf("%.80q is neither a command nor a PORT nor a HOST:PORT", arg), "p2pchat help lists the commands"}
		}
	}
	if o.name != "" || set.Changed("name") {
		if err := profile.CheckName(o.name); err != nil {
			return cfg, &usageError{err.Error(), "choose another --name"}
		}
	}
	var err error
	if cfg.Room, err = roomName(o.room); err != nil {
		return cfg, err
	}
	if n, err := strconv.ParseUint(o.port, 10, 16); err != nil {
		return cfg, &usageError{fmt.Sprintf("port %.80q is not a number from 1 to 65535", o.port), "try --port 8081, or --port 0 for any that is free"}
	} else {
		cfg.Listen = ":" + strconv.FormatUint(n, 10)
	}
	cfg.NextPort = !portGiven && o.listen == ""
	if o.listen != "" {
		_, port, err := net.SplitHostPort(o.listen)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || portGiven && cfg.Listen != fmt.Sprint(":", n) {
			return cfg, &usageError{fmt.Sprintf("--listen %.80q can't be listened on", o.listen), "write HOST:PORT, as in 0.0.0.0:8080 or [::1]:8080, and no other --port"}
		}
		cfg.Listen = o.listen
	}
	for _, to := range connect {
		addr, err := command.ParseAddress(to)
		if err != nil {
			return cfg, &usageError{"--connect", err.Error()}
		}
		cfg.Connect = append(cfg.Connect, addr)
	}
	if cfg.PlainPeers, err = plain.ParseScope(o.plainPeers); err != nil || o.plainPeers == "" {
		return cfg, &usageError{fmt.Sprintf("there is no --plain-peers %.80q", o.plainPeers), "give one of " + strings.Join(plainScopes, ", ")}
	}
	if o.ask && o.json {
		return cfg, &usageError{"--ask talks to a person and --json to a program", "give one of the two"}
	}
	if !slices.Contains(tui.Themes[:], o.theme) {
		return cfg, &usageError{fmt.Sprintf("there is no --theme %.80q", o.theme), "give one of " + strings.Join(tui.Themes[:], ", ")}
	}
	if o.discoveryPort < 1 || o.discoveryPort > 65535 {
		return cfg, &usageError{fmt.Sprintf("--discovery-port %d is not from 1 to 65535", o.discoveryPort), "all peers use 9999 unless they are told otherwise"}
	}
	for _, name := range o.interfaces {
		found, ok := interfaceNamed(name)
		if !ok {
			return cfg, &usageError{fmt.Sprintf("there is no network interface %.80q", name), "give one of " + strings.Join(interfaceNames(), ", ") + " to --interface"}
		}
		cfg.Interfaces = append(cfg.Interfaces, found)
	}
	return cfg, nil
}

// interfaceNamed is the name of the interface that --interface means: lo is the loopback interface, whatever
// the system calls it.
func interfaceNamed(name string) (string, bool) {
	if _, err := net.InterfaceByName(name); err == nil {
		return name, true
	}
	if name == discovery.LoopbackAlias {
		found, err := discovery.Loopback()
		return found, err == nil
	}
	return "", false
}

// roomName is the room that --room means.
func roomName(text string) (string, error) {
	name := strings.TrimSpace(text)
	if name == "" || len(name) > profile.MaxName || strings.ContainsFunc(name, unicode.IsControl) {
		return "", &usageError{fmt.Sprintf("%.80q can't be the name of a room", text), fmt.Sprintf("give --room 1 to %d bytes without control characters", profile.MaxName)}
	}
	return name, nil
}

func interfaceNames() (names []string) {
	all, _ := net.Interfaces()
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}
