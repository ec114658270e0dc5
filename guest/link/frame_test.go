package link

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func collect(d *Decoder, chunks ...[]byte) []Frame {
	var found []Frame
	for _, chunk := range chunks {
		d.Feed(chunk, func(f Frame) {
			f.Payload = bytes.Clone(f.Payload)
			found = append(found, f)
		})
	}
	return found
}

func same(a, b Frame) bool {
	return a.Type == b.Type && a.Stream == b.Stream && a.Seq == b.Seq && a.Ack == b.Ack && bytes.Equal(a.Payload, b.Payload)
}

func random(size int) []byte {
	out := make([]byte, size)
	for at := range out {
		out[at] = byte(rand.Uint32())
	}
	return out
}

func TestFramesComeInAnyPieces(t *testing.T) {
	sent := []Frame{
		{Type: TypeHello, Payload: []byte(`{"id":"x"}`)},
		{Type: TypeData, Stream: 7, Seq: 1, Ack: 9, Payload: random(MaxPayload)},
		{Type: TypeEnd, Stream: 7, Seq: 2},
		{Type: TypeData, Stream: 1, Seq: 3, Payload: []byte("SWSW\x01")},
	}
	var line []byte
	for _, f := range sent {
		line = f.Append(line)
	}
	for _, size := range []int{1, 2, 3, 23, 24, 25, 1000, len(line)} {
		var d Decoder
		var chunks [][]byte
		for at := 0; at < len(line); at += size {
			chunks = append(chunks, line[at:min(at+size, len(line))])
		}
		got := collect(&d, chunks...)
		if len(got) != len(sent) || d.Skipped != 0 {
			t.Fatalf("in pieces of %d: %d frames, %d bytes skipped", size, len(got), d.Skipped)
		}
		for at := range sent {
			if !same(got[at], sent[at]) {
				t.Fatalf("in pieces of %d: frame %d differs", size, at)
			}
		}
	}
}

// Whatever is lost of one frame, the one behind it is found; and none that was never sent.
func TestFramesAreFoundBehindALoss(t *testing.T) {
	broken := Frame{Type: TypeData, Stream: 1, Seq: 1, Payload: random(200)}.Append(nil)
	next := Frame{Type: TypeData, Stream: 2, Seq: 2, Payload: []byte("behind")}
	for from := range broken {
		for _, size := range []int{1, 5, 60} {
			to := min(from+size, len(broken))
			line := append(bytes.Clone(broken[:from]), broken[to:]...)
			// What is lost at the end of a frame is made up by what follows: a frame more lets the decoder see that.
			line = next.Append(line)
			line = append(line, make([]byte, 300)...)
			var d Decoder
			got := collect(&d, line)
			if len(got) != 1 || !same(got[0], next) {
				t.Fatalf("without bytes %d to %d: %d frames", from, to, len(got))
			}
		}
	}
}

func TestADecoderHoldsNoMoreThanAFrame(t *testing.T) {
	var d Decoder
	for range 100 {
		collect(&d, random(64<<10))
		if len(d.held) > headerSize+MaxPayload {
			t.Fatalf("it holds %d bytes", len(d.held))
		}
	}
	tooLong := Frame{Type: TypeData, Payload: nil}.Append(nil)
	tooLong[16], tooLong[17] = 0xff, 0xff
	if got := collect(&d, tooLong); len(got) != 0 {
		t.Fatal("a frame that is too long was taken")
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("SW"), 1)
	f.Add(Frame{Type: TypeData, Stream: 1, Seq: 1, Payload: []byte("x")}.Append(nil), 3)
	f.Fuzz(func(t *testing.T, line []byte, size int) {
		size = max(1, size%100)
		var whole, pieces Decoder
		all := collect(&whole, line)
		var chunks [][]byte
		for at := 0; at < len(line); at += size {
			chunks = append(chunks, line[at:min(at+size, len(line))])
		}
		parts := collect(&pieces, chunks...)
		if len(all) != len(parts) {
			t.Fatalf("%d frames at once, %d in pieces", len(all), len(parts))
		}
		for at := range all {
			if !same(all[at], parts[at]) {
				t.Fatal("a frame differs")
			}
			// What was found is what would be sent.
			if !bytes.Contains(line, all[at].Append(nil)) {
				t.Fatal("a frame that is not on the line")
			}
		}
		if len(pieces.held) > headerSize+MaxPayload {
			t.Fatalf("it holds %d bytes", len(pieces.held))
		}
	})
}
