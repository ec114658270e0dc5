package host

import (
	"fmt"
	"net/netip"
	"syscall"
)

// Port is a port of the guest that the outside reaches at HostIP:HostPort.
type Port struct {
	ContainerPort int    `json:"containerPort"`
	Protocol      string `json:"protocol"` // tcp or udp
	HostIP        string `json:"hostIp"`
	HostPort      int    `json:"hostPort"`
}

// PortTaken says which port of the host cannot be had.
type PortTaken struct {
	Port
	Cause error
}

func (e *PortTaken) Error() string {
	return fmt.Sprintf("port %s:%d/%s cannot be published: %v", e.HostIP, e.HostPort, e.Protocol, e.Cause)
}

func (e *PortTaken) Unwrap() error { return e.Cause }

func (p Port) conflicts(q Port) bool {
	any := func(ip string) bool { return ip == "0.0.0.0" }
	return p.Protocol == q.Protocol && p.HostPort == q.HostPort && (p.HostIP == q.HostIP || any(p.HostIP) || any(q.HostIP))
}

// reservation keeps a port from others until QEMU itself takes it: the socket is bound and not listening.
type reservation struct{ fd int }

func (r reservation) release() { _ = syscall.Close(r.fd) }

// reserve binds a port; HostPort 0 becomes a free one. Errors: *PortTaken.
func reserve(p *Port) (reservation, error) {
	taken := func(err error) (reservation, error) { return reservation{}, &PortTaken{*p, err} }
	ip, err := netip.ParseAddr(p.HostIP)
	if err != nil || !ip.Is4() {
		return taken(fmt.Errorf("%q is no IPv4 address", p.HostIP))
	}
	kind := syscall.SOCK_STREAM
	if p.Protocol == "udp" {
		kind = syscall.SOCK_DGRAM
	}
	fd, err := syscall.Socket(syscall.AF_INET, kind|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return taken(err)
	}
	r := reservation{fd}
	if kind == syscall.SOCK_STREAM { // as QEMU does: connections that linger are not in the way
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	if err = syscall.Bind(fd, &syscall.SockaddrInet4{Port: p.HostPort, Addr: ip.As4()}); err != nil {
		r.release()
		return taken(err)
	}
	if at, err := syscall.Getsockname(fd); err == nil {
		p.HostPort = at.(*syscall.SockaddrInet4).Port
	}
	return r, nil
}
