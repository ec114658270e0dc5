// Package link is the byte stream between a guest and its gateway over a serial line: framed, versioned, multiplexed, flow-controlled, and
// whole again after bytes were lost. A serial port of ESXi is a 16550: what arrives while nobody reads is dropped without a word.
package link

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A frame on the wire, all numbers big-endian:
//
//	0  2  'S' 'W'
//	2  1  version, 1
//	3  1  type
//	4  4  stream
//	8  4  sequence number, from 1 on; 0 for a frame that is not repeated when it is lost
//	12 4  acknowledged: the sequence number up to which all was received
//	16 2  length of the payload, at most MaxPayload
//	18 2  the low half of the CRC-32 (IEEE) of bytes 0 to 17
//	20 4  CRC-32 (IEEE) of the payload
//	24 …  payload
const (
	Version    = 1
	headerSize = 24
	// MaxPayload bounds what a peer can make the other hold for one frame.
	MaxPayload = 16 << 10
)

// Type says what a frame is. Numbers are never given again.
type Type uint8

const (
	// TypeChallenge is the gateway's first word: its payload is a nonce.
	TypeChallenge Type = 1
	// TypeHello is the guest's answer: JSON, see Hello.
	TypeHello Type = 2
	// TypeWelcome says that the guest was believed.
	TypeWelcome Type = 3
	// TypeAck carries nothing but the acknowledgement.
	TypeAck Type = 4
	// TypeNack asks for everything after the acknowledged one again.
	TypeNack Type = 5
	// TypeOpen begins a stream: JSON, what it is for.
	TypeOpen Type = 16
	// TypeData is bytes of a stream.
	TypeData Type = 17
	// TypeCredit allows so many bytes more on a stream: four bytes.
	TypeCredit Type = 18
	// TypeEnd says that no more bytes follow on a stream, in this direction.
	TypeEnd Type = 19
	// TypeMessage is JSON about a stream (0: about the container).
	TypeMessage Type = 20
	// TypeRecord is what the container's process wrote, from the guest, on stream 0.
	TypeRecord Type = 21
)

func (t Type) isReliable() bool { return t >= TypeOpen }

// Frame is one unit on the line. Stream 0 is the link's own.
type Frame struct {
	Type    Type
	Stream  uint32
	Seq     uint32
	Ack     uint32
	Payload []byte
}

// Append appends the frame as it is on the wire. It panics when the payload is longer than MaxPayload: senders cut before.
func (f Frame) Append(to []byte) []byte {
	if len(f.Payload) > MaxPayload {
		panic(fmt.Sprintf("link: a payload of %d bytes", len(f.Payload)))
	}
	at := len(to)
	to = append(to, 'S', 'W', Version, byte(f.Type))
	to = binary.BigEndian.AppendUint32(to, f.Stream)
	to = binary.BigEndian.AppendUint32(to, f.Seq)
	to = binary.BigEndian.AppendUint32(to, f.Ack)
	to = binary.BigEndian.AppendUint16(to, uint16(len(f.Payload)))
	to = binary.BigEndian.AppendUint16(to, uint16(crc32.ChecksumIEEE(to[at:])))
	to = binary.BigEndian.AppendUint32(to, crc32.ChecksumIEEE(f.Payload))
	return append(to, f.Payload...)
}

// Decoder finds frames in what comes over the line, and passes over what is none. It holds at most one frame.
type Decoder struct {
	held []byte
	// Skipped counts bytes that were no part of a frame.
	Skipped uint64
}

// Feed takes bytes and calls found with each frame that is whole; its payload is only good until found returns.
func (d *Decoder) Feed(bytes []byte, found func(Frame)) {
	d.held = append(d.held, bytes...)
	at := 0
	for {
		frame, size := parse(d.held[at:])
		if size == 0 {
			break
		}
		if frame == nil {
			d.Skipped += uint64(size)
		} else {
			found(*frame)
		}
		at += size
	}
	d.held = append(d.held[:0], d.held[at:]...)
}

// parse gives the frame at the beginning and its size; or nil and how many bytes begin no frame; or 0 when more bytes must come.
func parse(b []byte) (*Frame, int) {
	if start := begins(b); start > 0 {
		return nil, start
	}
	if len(b) < headerSize {
		return nil, 0
	}
	length := int(binary.BigEndian.Uint16(b[16:]))
	isHeader := binary.BigEndian.Uint16(b[18:]) == uint16(crc32.ChecksumIEEE(b[:18]))
	if !isHeader || b[2] != Version || length > MaxPayload {
		return nil, 1
	}
	if len(b) < headerSize+length {
		return nil, 0
	}
	payload := b[headerSize : headerSize+length : headerSize+length]
	if binary.BigEndian.Uint32(b[20:]) != crc32.ChecksumIEEE(payload) {
		// Bytes of it are missing, and the next frame may have begun within.
		return nil, 1
	}
	return &Frame{
		Type:    Type(b[3]),
		Stream:  binary.BigEndian.Uint32(b[4:]),
		Seq:     binary.BigEndian.Uint32(b[8:]),
		Ack:     binary.BigEndian.Uint32(b[12:]),
		Payload: payload,
	}, headerSize + length
}

// begins gives where the first frame may begin: the length, when it is nowhere.
func begins(b []byte) int {
	for at, each := range b {
		if each == 'S' && (at+1 == len(b) || b[at+1] == 'W') {
			return at
		}
	}
	return len(b)
}
