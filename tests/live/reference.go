// The reference for the text forms of /debug/pprof: a program of the standard library alone. It writes each profile that a Go
// program has, as debug=0, 1 and 2, and the index page, into the folder of its first argument; `serve` instead of a folder
// serves them and prints its address.
package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

var kept [][]byte

func keep(n int) {
	for i := 0; i < n; i++ {
		kept = append(kept, make([]byte, 1000))
	}
}

func forget(n int) {
	for i := 0; i < n; i++ {
		kept[0] = make([]byte, 100+i%3)
	}
}

func contend(mutex *sync.Mutex, done *sync.WaitGroup) {
	defer done.Done()
	for i := 0; i < 20; i++ {
		mutex.Lock()
		time.Sleep(time.Millisecond)
		mutex.Unlock()
	}
}

func waitForNothing(ready chan<- bool, never <-chan bool) {
	ready <- true
	<-never
}

func sleepLong(ready chan<- bool) {
	ready <- true
	time.Sleep(time.Hour)
}

func selectForever(ready chan<- bool, a, b <-chan bool) {
	ready <- true
	select {
	case <-a:
	case <-b:
	}
}

func recurse(depth int, ready chan<- bool, never <-chan bool) {
	if depth == 0 {
		waitForNothing(ready, never)
		return
	}
	recurse(depth-1, ready, never)
}

func start() {
	keep(50)
	forget(500)
	runtime.GC()
	runtime.GC()
	var mutex sync.Mutex
	var done sync.WaitGroup
	for i := 0; i < 3; i++ {
		done.Add(1)
		go contend(&mutex, &done)
	}
	done.Wait()
	ready, never := make(chan bool), make(chan bool)
	for i := 0; i < 4; i++ {
		go waitForNothing(ready, never)
	}
	go sleepLong(ready)
	go selectForever(ready, never, never)
	go recurse(150, ready, never)
	labels := pprof.Labels("request", "GET /items", "worker", "seven")
	go pprof.Do(context.Background(), labels, func(context.Context) { waitForNothing(ready, never) })
	for i := 0; i < 8; i++ {
		<-ready
	}
	time.Sleep(10 * time.Millisecond)
}

func main() {
	runtime.MemProfileRate = 1
	runtime.SetBlockProfileRate(1)
	runtime.SetMutexProfileFraction(1)
	start()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: reference FOLDER|serve")
		os.Exit(2)
	}
	if os.Args[1] == "serve" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Println("http://" + listener.Addr().String())
		panic(http.Serve(listener, nil))
	}
	write(os.Args[1])
}

func write(folder string) {
	for _, name := range []string{"heap", "allocs", "block", "mutex", "goroutine", "threadcreate"} {
		for debug := 0; debug <= 2; debug++ {
			if debug == 2 && name != "goroutine" {
				continue
			}
			var text bytes.Buffer
			if err := pprof.Lookup(name).WriteTo(&text, debug); err != nil {
				panic(err)
			}
			save(folder, fmt.Sprintf("%s.%d", name, debug), text.Bytes())
		}
	}
	answer := httptest.NewRecorder()
	http.DefaultServeMux.ServeHTTP(answer, httptest.NewRequest("GET", "/debug/pprof/", nil))
	save(folder, "index", answer.Body.Bytes())
}

func save(folder, name string, data []byte) {
	if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
		panic(err)
	}
}
