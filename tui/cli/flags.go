package cli

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/iface"
	"chat.lan/p2pchat/net/mesh"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/tui"
	"chat.lan/p2pchat/tui/command"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// plainScopes are the values of --plain-peers.
var plainScopes = []string{string(plain.ScopeLAN), string(plain.ScopeLoopback), string(plain.ScopeAll), string(plain.ScopeOff)}

// defaultRoom is the room that peers join without --room.
const defaultRoom = "lobby"

// minLinks is the least --max-links: with fewer a room of many can't stay one.
const minLinks = 3

// flags are the flags of a run, as typed. export and id have only some of them.
type flags struct {
	name, port, listen, room, profile, log string
	connect, interfaces                    []string
	theme                                  string
	plainPeers                             string
	noDiscovery, noTUI, json, ascii        bool
	noMDNS, ask                            bool
	discoveryPort, maxLinks                int
	retention                              retention
}

// addIdentityTo adds the flags that choose a profile.
func (f *flags) addIdentityTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "name", "", "what you are called: `NAME` (default: your login name)")
	cmd.Flags().StringVar(&f.profile, "profile", "", "keep key and memory in the folder `DIR`, not in one per name")
	_ = cmd.MarkFlagDirname("profile")
}

// addTo adds all flags of a run.
func (f *flags) addTo(cmd *cobra.Command) {
	f.addIdentityTo(cmd)
	f.retention.addTo(cmd)
	set := cmd.Flags()
	set.StringVar(&f.port, "port", strconv.Itoa(command.DefaultPort), "listen on `PORT`; 0 takes any that is free")
	set.StringVar(&f.listen, "listen", "", "listen on `HOST:PORT` (default: every address, IPv4 and IPv6)")
	set.StringArrayVar(&f.connect, "connect", nil, "connect to a peer at `HOST:PORT`, line://HOST:PORT or json://HOST:PORT; may be repeated")
	set.StringVar(&f.room, "room", defaultRoom, "meet in the room `NAME`")
	set.StringArrayVar(&f.interfaces, "interface", nil, "use only the network interface `NAME` (lo: only this machine); may be repeated")
	set.BoolVar(&f.noDiscovery, "no-discovery", false, "don't look for peers on the network, only --connect")
	set.IntVar(&f.discoveryPort, "discovery-port", discovery.Port, "look for peers on the UDP `PORT`")
	set.IntVar(&f.maxLinks, "max-links", mesh.MaxLinks, "connect to at most `N` peers; messages to others go through them")
	_ = set.MarkHidden("max-links") // for small machines, and for tests
	set.BoolVar(&f.noMDNS, "no-mdns", false, "don't use mDNS")
	set.StringVar(&f.plainPeers, "plain-peers", string(plain.ScopeLAN), "talk in clear to peers that can't encrypt, from `WHERE`: lan, loopback, all or off")
	set.BoolVar(&f.ask, "ask", false, "ask for an address and a port first, as the two-person program does")
	set.BoolVar(&f.noTUI, "no-tui", false, "speak lines instead of drawing a screen")
	set.StringVar(&f.theme, "theme", "auto", "colours for a `BACKGROUND`: auto, dark or light")
	set.BoolVar(&f.ascii, "ascii", false, "draw with plain ASCII, for fonts that lack the glyphs")
	set.BoolVar(&f.json, "json", false, "speak JSON, one object a line")
	set.StringVar(&f.log, "log", "", "write the log to `FILE` (default: log in the profile)")
	_ = cmd.RegisterFlagCompletionFunc("log", cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault))
	_ = cmd.RegisterFlagCompletionFunc("interface", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return interfaceNames(), cobra.ShellCompDirectiveNoFileComp
	})
	_ = cmd.RegisterFlagCompletionFunc("plain-peers", cobra.FixedCompletions(plainScopes, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(tui.Themes[:], cobra.ShellCompDirectiveNoFileComp))
}

// nodeConfig checks the flags and the arguments and returns a node's configuration. run adds what the
// profile holds.
func (f *flags) nodeConfig(set *pflag.FlagSet, args []string) (node.Config, error) {
	cfg := node.Config{NoDiscovery: f.noDiscovery, DiscoveryPort: f.discoveryPort,
		Bare: f.ask, MaxLinks: f.maxLinks,
		Agent: fmt.Sprintf("p2pchat/%s (%s)", version, runtime.GOOS)}
	if err := f.retention.configure(&cfg); err != nil {
		return cfg, err
	}
	portGiven, connect, err := f.parseArguments(set.Changed("port"), args)
	if err != nil {
		return cfg, err
	}
	if f.name != "" || set.Changed("name") {
		if err := profile.CheckName(f.name); err != nil {
			return cfg, &usageError{err.Error(), "choose another --name"}
		}
	}
	if cfg.Room, err = parseRoom(f.room); err != nil {
		return cfg, err
	}
	if cfg.Listen, err = f.listenAddress(portGiven); err != nil {
		return cfg, err
	}
	cfg.NextPort = !portGiven && f.listen == ""
	for _, to := range connect {
		addr, err := command.ParseAddress(to)
		if err != nil {
			return cfg, &usageError{"--connect", err.Error()}
		}
		cfg.Connect = append(cfg.Connect, addr)
	}
	if cfg.PlainPeers, err = plain.ParseScope(f.plainPeers); err != nil || f.plainPeers == "" {
		return cfg, &usageError{fmt.Sprintf("there is no --plain-peers %.80q", f.plainPeers), "give one of " + strings.Join(plainScopes, ", ")}
	}
	if f.ask && f.json {
		return cfg, &usageError{"--ask talks to a person and --json to a program", "give one of the two"}
	}
	if !slices.Contains(tui.Themes[:], f.theme) {
		return cfg, &usageError{fmt.Sprintf("there is no --theme %.80q", f.theme), "give one of " + strings.Join(tui.Themes[:], ", ")}
	}
	if f.discoveryPort < 1 || f.discoveryPort > 65535 {
		return cfg, &usageError{fmt.Sprintf("--discovery-port %d is not from 1 to 65535", f.discoveryPort), "all peers use 9999 by default"}
	}
	if f.maxLinks < minLinks || f.maxLinks > mesh.MaxLinks {
		return cfg, &usageError{fmt.Sprintf("--max-links %d is not from %d to %d", f.maxLinks, minLinks, mesh.MaxLinks), fmt.Sprintf("leave it out for %d", mesh.MaxLinks)}
	}
	for _, name := range f.interfaces {
		found, ok := findInterface(name)
		if !ok {
			return cfg, &usageError{fmt.Sprintf("there is no network interface %.80q", name), "give one of " + strings.Join(interfaceNames(), ", ") + " to --interface"}
		}
		cfg.Interfaces = append(cfg.Interfaces, found)
	}
	// mDNS reaches programs on other ports and other machines, from which these flags keep apart.
	cfg.NoMDNS = f.noMDNS || f.discoveryPort != discovery.Port || onlyLoopback(cfg.Interfaces)
	return cfg, nil
}

// parseArguments takes a number for the port and HOST:PORT for a peer to connect to. It returns whether
// the user chose the port, and all peers, those of --connect first.
func (f *flags) parseArguments(portGiven bool, args []string) (portChosen bool, connect []string, err error) {
	connect = slices.Clone(f.connect)
	for _, arg := range args {
		switch {
		case strings.Trim(arg, "0123456789") == "" && portGiven:
			return false, nil, &usageError{fmt.Sprintf("%.80s would be a second port", arg), "give one PORT"}
		case strings.Trim(arg, "0123456789") == "":
			f.port, portGiven = arg, true
		case strings.ContainsAny(arg, ":."):
			connect = append(connect, arg)
		default:
			return false, nil, &usageError{fmt.Sprintf("%.80q is neither a command nor a PORT nor a HOST:PORT", arg), "p2pchat help lists the commands"}
		}
	}
	return portGiven, connect, nil
}

// listenAddress returns the address of --listen, or of --port on every interface.
func (f *flags) listenAddress(portGiven bool) (string, error) {
	n, err := strconv.ParseUint(f.port, 10, 16)
	if err != nil {
		return "", &usageError{fmt.Sprintf("port %.80q is not a number from 1 to 65535", f.port), "try --port 8081, or --port 0 for any that is free"}
	}
	if f.listen == "" {
		return ":" + strconv.FormatUint(n, 10), nil
	}
	_, port, err := net.SplitHostPort(f.listen)
	if other, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || portGiven && other != n {
		return "", &usageError{fmt.Sprintf("--listen %.80q is no address", f.listen), "write HOST:PORT, as in 0.0.0.0:8080 or [::1]:8080, and no other --port"}
	}
	return f.listen, nil
}

// onlyLoopback reports whether the user chose interfaces, and none that leads to another machine.
func onlyLoopback(chosen []string) bool {
	return len(chosen) > 0 && !slices.ContainsFunc(chosen, func(name string) bool {
		i, err := net.InterfaceByName(name)
		return err != nil || i.Flags&net.FlagLoopback == 0
	})
}

// findInterface returns the system's name of an interface. lo is the loopback interface on every system.
func findInterface(name string) (string, bool) {
	if _, err := net.InterfaceByName(name); err == nil {
		return name, true
	}
	if name == iface.LoopbackAlias {
		found, err := iface.Loopback()
		return found, err == nil
	}
	return "", false
}

// parseRoom checks the name of a room and returns it without spaces around it.
func parseRoom(text string) (string, error) {
	name := strings.TrimSpace(text)
	if name == "" || len(name) > profile.MaxName || strings.ContainsFunc(name, unicode.IsControl) {
		return "", &usageError{fmt.Sprintf("%.80q is no name for a room", text), fmt.Sprintf("give --room 1 to %d bytes without control characters", profile.MaxName)}
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
