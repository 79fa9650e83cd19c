// Go's crypto/tls: a goroutine for each conn. tls_go tls PORT CERT KEY
package main

import (
	"crypto/tls"
	"io"
	"net"
	"os"
)

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

func must(err error) {
	if err != nil {
		io.WriteString(os.Stderr, "error: "+err.Error()+"\n")
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) != 5 {
		os.Exit(2)
	}
	cert, err := tls.LoadX509KeyPair(os.Args[3], os.Args[4])
	must(err)
	l, err := tls.Listen("tcp", "127.0.0.1:"+os.Args[2], &tls.Config{Certificates: []tls.Certificate{cert}})
	must(err)
	for {
		c, err := l.Accept()
		must(err)
		go echo(c)
	}
}
