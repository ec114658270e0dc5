package link

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
