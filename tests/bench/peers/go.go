// Go: a goroutine for each conn. go echo|stream PORT
package main

import (
	"io"
	"net"
	"os"
)

const blockSize = 65536

var block [blockSize]byte

func echo(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 16384)
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

func stream(c net.Conn) {
	defer c.Close()
	for {
		if _, err := c.Write(block[:]); err != nil {
			return
		}
	}
}

func must(err error) {
	if err != nil {
		io.WriteString(os.Stderr, err.Error()+"\n")
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
	handler := map[string]func(net.Conn){"echo": echo, "stream": stream}[os.Args[1]]
	if handler == nil {
		os.Exit(2)
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
	must(err)
	for {
		c, err := l.Accept()
		must(err)
		go handler(c)
	}
}
