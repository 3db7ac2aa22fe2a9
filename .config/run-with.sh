#!/bin/sh
# Runs a command with the runtimes that `npm ci` installs; says what to do when one is absent.
#   sh .config/run-with.sh bun src/main.ts router
name=$1
if ! [ -x "node_modules/.bin/$name" ]; then
  echo "causeway: $name is not installed here; run npm ci without --omit=dev" >&2
  exit 1
fi
PATH="$PWD/node_modules/.bin:$PATH" exec "$@"
