// Go: a goroutine for each conn; in a room a second one that writes. go echo|idle|stream|fanout|udp PORT
package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"sync"
)

var block [65536]byte

func echo(size int) func(net.Conn) {
	return func(c net.Conn) {
		defer c.Close()
		buf := make([]byte, size)
		for {
			n, err := c.Read(buf)
			if n > 0 {
				if _, err := c.Write(buf[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

func stream(c net.Conn) {
	defer c.Close()
	for {
		if _, err := c.Write(block[:]); err != nil {
			return
		}
	}
}

var room struct {
	sync.RWMutex
	members map[net.Conn]chan []byte
}

// Lines that wait are written by one writev.
func write(c net.Conn, lines chan []byte) {
	for line := range lines {
		all := net.Buffers{line}
		for more := len(lines); more > 0; more-- {
			all = append(all, <-lines)
		}
		if _, err := all.WriteTo(c); err != nil {
			break
		}
	}
	c.Close()
	for range lines {
	}
}

func say(but net.Conn, line []byte) {
	room.RLock()
	defer room.RUnlock()
	for c, lines := range room.members {
		if c == but {
			continue
		}
		select {
		case lines <- line:
		default:
			c.Close() // too slow
		}
	}
}

func chat(c net.Conn) {
	lines := make(chan []byte, 1024)
	lines <- []byte("hello\n")
	room.Lock()
	room.members[c] = lines
	room.Unlock()
	go write(c, lines)
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		say(c, line)
	}
	room.Lock()
	delete(room.members, c)
	room.Unlock()
	close(lines)
}

func udp(port string) {
	at, err := net.ResolveUDPAddr("udp", "127.0.0.1:"+port)
	must(err)
	s, err := net.ListenUDP("udp", at)
	must(err)
	buf := make([]byte, 65536)
	for {
		n, from, err := s.ReadFromUDPAddrPort(buf)
		if err == nil {
			s.WriteToUDPAddrPort(buf[:n], from)
		}
	}
}

func must(err error) {
	if err != nil {
		io.WriteString(os.Stderr, "error: "+err.Error()+"\n")
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) != 3 {
		os.Exit(2)
	}
	for i := range block {
		block[i] = byte(i*31 + (i>>8)*17)
	}
	room.members = map[net.Conn]chan []byte{}
	if os.Args[1] == "udp" {
		udp(os.Args[2])
	}
	handlers := map[string]func(net.Conn){
		"echo": echo(16384), "idle": echo(4096), "stream": stream, "fanout": chat,
	}
	handler := handlers[os.Args[1]]
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
	must(err)
	for {
		c, err := l.Accept()
		must(err)
		go handler(c)
	}
}
