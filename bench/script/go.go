// go URL COUNT: COUNT GETs, one after the other.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
)

func main() {
	count, _ := strconv.Atoi(os.Args[2])
	received := 0
	for i := 0; i < count; i++ {
		response, err := http.Get(os.Args[1])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		received += len(body)
	}
	fmt.Printf("bytes %d\n", received)
}
