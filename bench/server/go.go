// go PORT: answers GET /users/N with a small JSON document, by net/http.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type user struct {
	UserId int    `json:"user_id"`
	Name   string `json:"name"`
}

func main() {
	http.HandleFunc("/users/", func(response http.ResponseWriter, request *http.Request) {
		id, err := strconv.Atoi(strings.TrimPrefix(request.URL.Path, "/users/"))
		if err != nil {
			http.NotFound(response, request)
			return
		}
		body, err := json.Marshal(user{id, fmt.Sprintf("user %d", id)})
		if err != nil {
			http.Error(response, err.Error(), http.StatusInternalServerError)
			return
		}
		response.Header().Set("Content-Type", "application/json")
		response.Write(body)
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
	os.Exit(1)
}
