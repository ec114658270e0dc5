package dhcp

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

var mac = [6]byte{0x52, 0x54, 0, 1, 2, 3}

func offered(options ...byte) []byte {
	b := make([]byte, fixedSize)
	b[0] = 2
	binary.BigEndian.PutUint32(b[4:], 99)
	copy(b[16:], []byte{10, 0, 2, 15})
	copy(b[28:], mac[:])
	b = binary.BigEndian.AppendUint32(b, magicCookie)
	return append(b, options...)
}

func TestAnOfferIsRead(t *testing.T) {
	kind, lease, err := parse(offered(optionType, 1, offer, 0, optionMask, 4, 255, 255, 254, 0, optionRouter, 4, 10, 0, 2, 2,
		optionDNS, 8, 10, 0, 2, 3, 1, 1, 1, 1, optionDomain, 3, 'l', 'a', 'b', optionLease, 4, 0, 0, 14, 16, optionServer, 4, 10, 0, 2, 2,
		optionMTU, 2, 5, 120, 200, 1, 7, optionEnd, 9, 9), 99, mac)
	want := Lease{Address: netip.MustParseAddr("10.0.2.15"), Bits: 23, Router: netip.MustParseAddr("10.0.2.2"),
		DNS: []netip.Addr{netip.MustParseAddr("10.0.2.3"), netip.MustParseAddr("1.1.1.1")}, Domain: "lab", MTU: 1400,
		Server: netip.MustParseAddr("10.0.2.2"), For: time.Hour}
	if err != nil || kind != offer || !reflect.DeepEqual(lease, want) {
		t.Fatalf("%d %+v %v", kind, lease, err)
	}
}

func TestWhatIsNotOursIsPassedOver(t *testing.T) {
	good := offered(optionType, 1, offer, optionEnd)
	for name, spoil := range map[string]func([]byte) []byte{
		"short":              func(b []byte) []byte { return b[:100] },
		"a request":          func(b []byte) []byte { b[0] = 1; return b },
		"another's number":   func(b []byte) []byte { b[7]++; return b },
		"another's address":  func(b []byte) []byte { b[33]++; return b },
		"no cookie":          func(b []byte) []byte { b[fixedSize]++; return b },
		"an option cut off":  func(b []byte) []byte { return append(b[:fixedSize+4], optionMask, 4, 255) },
		"an option's number": func(b []byte) []byte { return append(b[:fixedSize+4], optionMask) },
	} {
		if _, _, err := parse(spoil(append([]byte(nil), good...)), 99, mac); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestARequestSaysWhatItMust(t *testing.T) {
	b := message{kind: request, xid: 7, mac: mac, requested: netip.MustParseAddr("10.0.2.15"), server: netip.MustParseAddr("10.0.2.2")}.bytes()
	if len(b) < minimumSize || b[10] != 0x80 || binary.BigEndian.Uint32(b[fixedSize:]) != magicCookie {
		t.Fatal(b)
	}
	kept := message{kind: request, xid: 7, mac: mac, current: netip.MustParseAddr("10.0.2.15")}.bytes()
	if kept[10] != 0 || [4]byte(kept[12:16]) != [4]byte{10, 0, 2, 15} {
		t.Fatal("one that is to be kept must be answered to its address")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(offered(optionType, 1, ack, optionEnd))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _, _ = parse(b, 99, mac) })
}
