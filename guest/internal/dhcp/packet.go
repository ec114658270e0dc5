// Package dhcp gets an IPv4 address (RFC 2131), and keeps it.
package dhcp

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"
)

// Types of messages, RFC 2132 9.6.
const (
	discover = 1
	offer    = 2
	request  = 3
	ack      = 5
	nak      = 6
)

// Options, RFC 2132.
const (
	optionMask       = 1
	optionRouter     = 3
	optionDNS        = 6
	optionDomain     = 15
	optionMTU        = 26
	optionRequested  = 50
	optionLease      = 51
	optionType       = 53
	optionServer     = 54
	optionParameters = 55
	optionClientID   = 61
	optionEnd        = 255
)

const (
	fixedSize   = 236
	magicCookie = 0x63825363
	minimumSize = 300 // BOOTP's, which relays insist on
)

// Lease is what a server gives.
type Lease struct {
	Address netip.Addr
	Bits    int
	Router  netip.Addr // may be invalid
	DNS     []netip.Addr
	Domain  string
	MTU     int // 0: not said
	Server  netip.Addr
	For     time.Duration
}

// message is one that is sent.
type message struct {
	kind      byte
	xid       uint32
	mac       [6]byte
	current   netip.Addr // when it is to be kept
	requested netip.Addr
	server    netip.Addr
}

func (m message) bytes() []byte {
	b := make([]byte, fixedSize, minimumSize)
	b[0], b[1], b[2] = 1, 1, 6 // a request, over Ethernet
	binary.BigEndian.PutUint32(b[4:], m.xid)
	if m.current.Is4() {
		copy(b[12:], m.current.AsSlice())
	} else {
		binary.BigEndian.PutUint16(b[10:], 0x8000) // broadcast: without an address nothing else is heard
	}
	copy(b[28:], m.mac[:])
	b = binary.BigEndian.AppendUint32(b, magicCookie)
	b = append(b, optionType, 1, m.kind)
	b = append(b, optionClientID, 7, 1)
	b = append(b, m.mac[:]...)
	if m.requested.Is4() {
		b = append(append(b, optionRequested, 4), m.requested.AsSlice()...)
	}
	if m.server.Is4() {
		b = append(append(b, optionServer, 4), m.server.AsSlice()...)
	}
	b = append(b, optionParameters, 6, optionMask, optionRouter, optionDNS, optionDomain, optionMTU, optionLease)
	b = append(b, optionEnd)
	for len(b) < minimumSize {
		b = append(b, 0)
	}
	return b
}

var errNotOurs = errors.New("dhcp: this is not for us")

// parse reads an answer to what was sent with this number.
func parse(b []byte, xid uint32, mac [6]byte) (kind byte, lease Lease, err error) {
	if len(b) < fixedSize+4 || b[0] != 2 || binary.BigEndian.Uint32(b[4:]) != xid || [6]byte(b[28:34]) != mac ||
		binary.BigEndian.Uint32(b[fixedSize:]) != magicCookie {
		return 0, lease, errNotOurs
	}
	lease.Address = netip.AddrFrom4([4]byte(b[16:20]))
	lease.Bits = 24
	for options := b[fixedSize+4:]; len(options) > 0 && options[0] != optionEnd; {
		if options[0] == 0 {
			options = options[1:]
			continue
		}
		if len(options) < 2 || len(options) < 2+int(options[1]) {
			return 0, lease, errors.New("dhcp: an option without its end")
		}
		value := options[2 : 2+int(options[1])]
		if options[0] == optionType && len(value) == 1 {
			kind = value[0]
		}
		lease.take(options[0], value)
		options = options[2+len(value):]
	}
	return kind, lease, nil
}

func (l *Lease) take(option byte, value []byte) {
	switch {
	case option == optionMask && len(value) == 4:
		l.Bits = 0
		for mask := binary.BigEndian.Uint32(value); mask&0x80000000 != 0; mask <<= 1 {
			l.Bits++
		}
	case option == optionRouter && len(value) >= 4:
		l.Router = netip.AddrFrom4([4]byte(value[:4]))
	case option == optionDNS:
		for ; len(value) >= 4; value = value[4:] {
			l.DNS = append(l.DNS, netip.AddrFrom4([4]byte(value[:4])))
		}
	case option == optionDomain:
		l.Domain = string(value)
	case option == optionMTU && len(value) == 2:
		l.MTU = int(binary.BigEndian.Uint16(value))
	case option == optionServer && len(value) == 4:
		l.Server = netip.AddrFrom4([4]byte(value))
	case option == optionLease && len(value) == 4:
		l.For = time.Duration(binary.BigEndian.Uint32(value)) * time.Second
	}
}
