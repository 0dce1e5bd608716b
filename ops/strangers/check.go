// Checks a log with nothing of ours: by the libraries with which Go checks every module it builds.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run ops/strangers/check.go URL-OR-FOLDER VKEY [OLDER-CHECKPOINT]
//
// Debian has them as golang-go and golang-golang-x-mod-dev. URL-OR-FOLDER holds /checkpoint and
// /tile as C2SP tlog-tiles has them, e.g. http://127.0.0.1:8420/log. Ends with 1 and why.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

var base string

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(path string) ([]byte, error) {
	if !strings.HasPrefix(base, "http") {
		return os.ReadFile(base + "/" + path)
	}
	answer, err := http.Get(base + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// C2SP leaves the height out of a tile's path, and calls the leaves themselves entries.
func path(t tlog.Tile, what string) string {
	return "tile/" + what + strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/%d", height, t.L))
}

type tiles map[string][]byte

func (held tiles) Height() int                     { return height }
func (held tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (held tiles) ReadTiles(wanted []tlog.Tile) (found [][]byte, err error) {
	for _, t := range wanted {
		at := path(t, strconv.Itoa(t.L))
		if held[at] == nil {
			if held[at], err = read(at); err != nil {
				return nil, err
			}
		}
		found = append(found, held[at])
	}
	return found, nil
}

// The head that a checkpoint signs; its origin must be the name of the key.
func head(checkpoint []byte, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	check(err)
	signed, err := note.Open(checkpoint, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		check(fmt.Errorf("not a checkpoint of %s", verifier.Name()))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}
}

func main() {
	base = strings.TrimSuffix(os.Args[1], "/")
	checkpoint, err := read("checkpoint")
	check(err)
	tree := head(checkpoint, os.Args[2])
	// Whatever it answers has been hashed up to the signed root first.
	hashes := tlog.TileHashReader(tree, tiles{})
	for n := int64(0); n < tree.N; {
		t := tlog.Tile{H: height, L: 0, N: n >> height, W: 1 << height}
		if left := tree.N - n; left < int64(t.W) {
			t.W = int(left)
		}
		bundle, err := read(path(t, "entries"))
		check(err)
		for ; len(bundle) > 0; n++ {
			length := 2 + int(binary.BigEndian.Uint16(bundle))
			proof, err := tlog.ProveRecord(tree.N, n, hashes)
			check(err)
			check(tlog.CheckRecord(proof, tree.N, tree.Hash, n, tlog.RecordHash(bundle[2:length])))
			bundle = bundle[length:]
		}
	}
	fmt.Printf("%d leaves, each proved under the signed root\n", tree.N)
	if len(os.Args) > 3 {
		written, err := os.ReadFile(os.Args[3])
		check(err)
		older := head(written, os.Args[2])
		proof, err := tlog.ProveTree(tree.N, older.N, hashes)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash))
		fmt.Printf("the %d leaves of the older checkpoint are its beginning\n", older.N)
	}
}
