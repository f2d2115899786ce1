package engine

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Payload is MessagePack as the host writes it: maps with text keys, arrays and text. It is decoded
// in place, Pod by Pod, right before a Pod is rendered, so that each Pod pays for itself.
type Payload struct{ rest []byte }

// NewPayload reads from encoded, which nobody may change while anything decoded from it is in use.
func NewPayload(encoded []byte) *Payload { return &Payload{encoded} }

// Empty says whether everything was read.
func (p *Payload) Empty() bool { return len(p.rest) == 0 }

// Text decodes text. It panics if something else comes: the host wrote it.
func (p *Payload) Text() string { return p.value().(string) }

// value decodes a map[string]any, a []any or a string: what the functions for dicts and lists take.
func (p *Payload) value() any {
	kind := p.take(1)[0]
	switch {
	case kind&0xf0 == 0x80:
		return p.dict(int(kind & 0x0f))
	case kind == 0xde:
		return p.dict(p.length(2))
	case kind == 0xdf:
		return p.dict(p.length(4))
	case kind&0xf0 == 0x90:
		return p.list(int(kind & 0x0f))
	case kind == 0xdc:
		return p.list(p.length(2))
	case kind == 0xdd:
		return p.list(p.length(4))
	case kind&0xe0 == 0xa0:
		return p.text(int(kind & 0x1f))
	case kind == 0xd9:
		return p.text(p.length(1))
	case kind == 0xda:
		return p.text(p.length(2))
	case kind == 0xdb:
		return p.text(p.length(4))
	default:
		panic(fmt.Sprintf("MessagePack of kind %#x", kind))
	}
}

func (p *Payload) dict(length int) map[string]any {
	dict := make(map[string]any, length)
	for range length {
		key := p.Text()
		dict[key] = p.value()
	}
	return dict
}

func (p *Payload) list(length int) []any {
	list := make([]any, length)
	for i := range list {
		list[i] = p.value()
	}
	return list
}

// text shares its bytes with the payload: an annotation can have 256 KiB, and few templates use it.
func (p *Payload) text(length int) string {
	if length == 0 {
		return ""
	}
	return unsafe.String(&p.take(length)[0], length)
}

func (p *Payload) length(bytes int) int {
	var padded [4]byte
	copy(padded[4-bytes:], p.take(bytes))
	return int(binary.BigEndian.Uint32(padded[:]))
}

func (p *Payload) take(length int) []byte {
	taken := p.rest[:length]
	p.rest = p.rest[length:]
	return taken
}
