package rootfs

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"stowage/guest/internal/spec"
)

// Network is what the container's files say of it.
type Network struct {
	Address string
	DNS     []string
	Search  []string
}

const identity = "/run/stowage"

// Identify sets the host name, and puts the three files that Docker manages over the image's.
func (t *Tree) Identify(c spec.Container, n Network) error {
	if err := syscall.Sethostname([]byte(c.Hostname)); err != nil {
		return fmt.Errorf("host name %s: %w", c.Hostname, err)
	}
	if c.Domainname != "" {
		_ = syscall.Setdomainname([]byte(c.Domainname))
	}
	if err := os.MkdirAll(identity, 0o755); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"hosts": hosts(c, n), "hostname": c.Hostname + "\n", "resolv.conf": resolvConf(c, n),
	} {
		path := identity + "/" + name
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
		target, err := Resolve(Root, "/etc/"+name)
		if err != nil {
			continue // the container took it away: as Docker, which leaves it so
		}
		if err := t.cover(path, target); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tree) cover(file, target string) error {
	if err := syscall.Mount(file, target, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", target, err)
	}
	t.mounted = append(t.mounted, target)
	return nil
}

func hosts(c spec.Container, n Network) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n" +
		"ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n")
	for _, each := range c.Engine.HostConfig.ExtraHosts {
		if name, address, is := strings.Cut(each, ":"); is {
			fmt.Fprintf(&b, "%s\t%s\n", address, name)
		}
	}
	if n.Address != "" {
		names := c.Hostname
		if c.Domainname != "" {
			names = c.Hostname + "." + c.Domainname + " " + c.Hostname
		}
		fmt.Fprintf(&b, "%s\t%s\n", n.Address, names)
	}
	return b.String()
}

func resolvConf(c spec.Container, n Network) string {
	var b strings.Builder
	servers, search := n.DNS, n.Search
	if own := c.Engine.HostConfig.DNS; len(own) > 0 {
		servers = own
	}
	if own := c.Engine.HostConfig.DNSSearch; len(own) > 0 {
		search = own
	}
	for _, each := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", each)
	}
	if len(search) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(search, " "))
	}
	if own := c.Engine.HostConfig.DNSOptions; len(own) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(own, " "))
	}
	return b.String()
}
