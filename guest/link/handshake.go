package link

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

const nonceSize = 32

// Hello is what a guest says of itself, and where it stands, so that nothing is missed or doubled when another gateway takes over.
type Hello struct {
	// Container is its id.
	Container string `json:"container"`
	// Boot is new with every start of the guest: a link does not outlive it.
	Boot string `json:"boot"`
	// Received is the sequence number up to which it has everything.
	Received uint32 `json:"received"`
	// First is the lowest that it can still send.
	First uint32 `json:"first"`
	// Proof is that it knows the container's secret.
	Proof string `json:"proof"`
}

// Welcome is the gateway's answer, with its own proof.
type Welcome struct {
	// Gateway names the process: another one knows nothing of the streams of the one before.
	Gateway  string `json:"gateway"`
	Received uint32 `json:"received"`
	First    uint32 `json:"first"`
	Proof    string `json:"proof"`
}

// proof binds the secret to this challenge, to who says it, and to what is said.
func proof(secret, nonce []byte, who string, said ...string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(nonce)
	for _, each := range append([]string{who}, said...) {
		mac.Write([]byte{0})
		mac.Write([]byte(each))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

func isProof(claimed, expected string) bool { return hmac.Equal([]byte(claimed), []byte(expected)) }

func newNonce() []byte {
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails
	return nonce
}

func mustJSON(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // of types of this package
	}
	return text
}

func (l *Link) onChallenge(f Frame) {
	if !l.config.IsGuest || len(f.Payload) != nonceSize {
		return
	}
	// Another gateway, or the same again.
	l.isWelcome = false
	l.nonce = append([]byte(nil), f.Payload...)
	hello := Hello{Container: l.config.Container, Boot: l.config.Boot, Received: l.received, First: l.journal.first()}
	hello.Proof = proof(l.config.Secret, l.nonce, "guest", hello.Container, hello.Boot)
	l.control = append(l.control[:0], Frame{Type: TypeHello, Payload: mustJSON(hello)})
	l.changed.Broadcast()
}

func (l *Link) onHello(f Frame) (bool, error) {
	if l.config.IsGuest || l.isWelcome {
		return false, nil
	}
	var hello Hello
	if json.Unmarshal(f.Payload, &hello) != nil || hello.Container != l.config.Container {
		return false, fmt.Errorf("%w: a guest that is not %s", ErrPeer, l.config.Container)
	}
	if !isProof(hello.Proof, proof(l.config.Secret, l.nonce, "guest", hello.Container, hello.Boot)) {
		return false, fmt.Errorf("%w: a guest that does not know the secret of %s", ErrPeer, l.config.Container)
	}
	if l.config.Boot != hello.Boot {
		// The first word of this guest, or of one that another gateway talked to: its place is ours.
		if l.config.Boot != "" {
			return false, fmt.Errorf("%w: the guest has started anew", ErrPeer)
		}
		l.config.Boot = hello.Boot
		l.received = hello.First - 1
		l.journal.startAfter(hello.Received)
	}
	welcome := Welcome{Gateway: l.config.Gateway, Received: l.received, First: l.journal.first()}
	welcome.Proof = proof(l.config.Secret, l.nonce, "gateway", hello.Container, hello.Boot)
	l.control = append(l.control[:0], Frame{Type: TypeWelcome, Payload: mustJSON(welcome)})
	return l.begin(hello.Received)
}

func (l *Link) onWelcome(f Frame) (bool, error) {
	if !l.config.IsGuest || l.isWelcome || l.nonce == nil {
		return false, nil
	}
	var welcome Welcome
	isRead := json.Unmarshal(f.Payload, &welcome) == nil
	if !isRead || !isProof(welcome.Proof, proof(l.config.Secret, l.nonce, "gateway", l.config.Container, l.config.Boot)) {
		// Perhaps an old one, of a challenge before: the right one comes with the next challenge. Nobody harms a guest by lying to it.
		return false, nil
	}
	if l.gateway != "" && l.gateway != welcome.Gateway {
		l.endStreamsLocked()
	}
	l.gateway = welcome.Gateway
	return l.begin(welcome.Received)
}

// endStreamsLocked: another gateway gives its streams the same numbers, and must meet nothing of these.
func (l *Link) endStreamsLocked() {
	for id, s := range l.streams {
		s.fail(ErrStreamOver)
		delete(l.streams, id)
	}
	l.generation++
	l.journal.voidStreams()
}

// begin goes on after what the peer has.
func (l *Link) begin(received uint32) (bool, error) {
	if received+1 < l.journal.first() || received > l.journal.last {
		return false, fmt.Errorf("%w: it has received %d of %d to %d", ErrPeer, received, l.journal.first(), l.journal.last)
	}
	l.journal.acknowledge(received)
	l.journal.rewind()
	l.isWelcome, l.lastAckedAt = true, time.Now()
	l.changed.Broadcast()
	return true, nil
}
