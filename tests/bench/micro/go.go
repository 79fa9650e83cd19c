// What goroutines cost.
package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

const (
	batch = 100
	runs  = 50
)

// Nanoseconds for each of n, the best of several runs.
func cost(n int, step func(n int)) float64 {
	best := 1e18
	for i := 0; i < runs; i++ {
		began := time.Now()
		step(n / runs)
		if ns := float64(time.Since(began).Nanoseconds()); ns < best {
			best = ns
		}
	}
	return best / float64(n/runs)
}

func spawn(n int) {
	var all sync.WaitGroup
	for i := 0; i < n; i++ {
		all.Add(1)
		go all.Done()
		if i%batch == batch-1 {
			all.Wait()
		}
	}
}

func switchAmong(count int) func(int) {
	return func(n int) {
		var all sync.WaitGroup
		for i := 0; i < count; i++ {
			all.Add(1)
			go func() {
				for k := n / count; k > 0; k-- {
					runtime.Gosched()
				}
				all.Done()
			}()
		}
		all.Wait()
	}
}

func channel(n int) {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			pong <- v
		}
	}()
	for i := 0; i < n/2; i++ {
		ping <- i
		<-pong
	}
	close(ping)
}

func timer(n int) {
	for i := 0; i < n; i++ {
		time.NewTimer(time.Second).Stop()
	}
}

func deadline(n int) {
	for i := 0; i < n; i++ {
		_, cancel := context.WithTimeout(context.Background(), time.Second)
		cancel()
	}
}

func main() {
	fmt.Printf("{\"spawn + finish\": %.2f, \"switch among 100\": %.2f, \"switch between 2\": %.2f, "+
		"\"channel\": %.2f, \"deadline\": %.2f, \"timer\": %.2f}\n",
		cost(1000000, spawn), cost(5000000, switchAmong(batch)), cost(1000000, switchAmong(2)),
		cost(1000000, channel), cost(1000000, deadline), cost(1000000, timer))
}
