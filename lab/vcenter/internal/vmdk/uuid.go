package vmdk

import "strings"

// NewUUID makes a disk uuid under VMware's 6000C29 prefix, in backing.uuid's spelling.
func NewUUID() string {
	return Canonical("6000C29" + randomHex(16)[:25])
}

func digits(uuid string) (string, bool) {
	var b strings.Builder
	for _, r := range uuid {
		switch {
		case r == ' ' || r == '-':
		case r >= '0' && r <= '9', r >= 'a' && r <= 'f', r >= 'A' && r <= 'F':
			b.WriteRune(r)
		default:
			return "", false
		}
	}
	return b.String(), b.Len() == 32
}

// spaced is the spelling of ddb.uuid: sixteen bytes, a dash in the middle.
func spaced(uuid string) (string, bool) {
	hex, ok := digits(uuid)
	if !ok {
		return "", false
	}
	parts := make([]string, 16)
	for i := range parts {
		parts[i] = hex[2*i : 2*i+2]
	}
	return strings.Join(parts[:8], " ") + "-" + strings.Join(parts[8:], " "), true
}

// Canonical is the spelling of VirtualDiskFlatVer2BackingInfo.uuid; empty when malformed.
func Canonical(uuid string) string {
	hex, ok := digits(uuid)
	if !ok {
		return ""
	}
	return hex[:8] + "-" + hex[8:12] + "-" + hex[12:16] + "-" + hex[16:20] + "-" + hex[20:]
}
