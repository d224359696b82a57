#!/bin/sh
# Builds kube-apiserver and etcd as Go modules and runs them on loopback, for compare_dry_run.py.
#
#   tests/tools/api_server.sh build FOLDER [1.37.2] [3.6.16]   needs Go; half an hour on two cores
#   tests/tools/api_server.sh run FOLDER [flags of kube-apiserver, such as --emulated-version=1.34]
#
# `run` serves https://127.0.0.1:26443 until interrupted; the token is in FOLDER/token. Admission
# plugins that look for other objects are off, so that the verdict is about the object alone.
set -eu

build() {
    kubernetes=${1:-1.37.2} etcd=${2:-3.6.16}
    staging="v0.${kubernetes#1.}"
    mkdir -p "$folder/apiserver" "$folder/etcd"
    cd "$folder/apiserver"
    printf 'module switchyard.test/apiserver\n' >go.mod
    upstream=$(go mod download -json "k8s.io/kubernetes@v$kubernetes" |
        sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p')
    {
        printf 'module switchyard.test/apiserver\n\n'
        grep '^go ' "$upstream"
        printf '\nrequire k8s.io/kubernetes v%s\n\n' "$kubernetes"
        sed -n 's#.*\(k8s.io/[a-z0-9-]*\) => ./staging.*#\1#p' "$upstream" | sort -u |
            while read -r module; do printf 'replace %s => %s %s\n' "$module" "$module" "$staging"; done
    } >go.mod
    cat >main.go <<'GO'
package main

import (
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
GO
    go mod tidy
    nice go build -o kube-apiserver .
    cd "$folder/etcd"
    printf 'module switchyard.test/etcd\n\nrequire go.etcd.io/etcd/server/v3 v%s\n' "$etcd" >go.mod
    cat >main.go <<'GO'
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
GO
    go mod tidy
    nice go build -o etcd .
}

run() {
    cd "$folder"
    umask 077
    [ -s sa.key ] || openssl genrsa -out sa.key 2048
    [ -s token ] || openssl rand -hex 16 >token
    printf '%s,admin,admin,system:masters\n' "$(cat token)" >tokens.csv
    etcd/etcd --data-dir data --listen-client-urls http://127.0.0.1:23790 \
        --advertise-client-urls http://127.0.0.1:23790 --listen-peer-urls http://127.0.0.1:23800 \
        --initial-advertise-peer-urls http://127.0.0.1:23800 \
        --initial-cluster default=http://127.0.0.1:23800 >etcd.log 2>&1 &
    trap 'kill $!' EXIT
    apiserver/kube-apiserver --etcd-servers http://127.0.0.1:23790 --bind-address 127.0.0.1 \
        --secure-port 26443 --cert-dir certificates --allow-privileged --authorization-mode RBAC \
        --token-auth-file tokens.csv --service-account-issuer https://kubernetes.default.svc \
        --service-account-key-file sa.key --service-account-signing-key-file sa.key \
        --service-cluster-ip-range 10.0.0.0/16 \
        --disable-admission-plugins ServiceAccount,TaintNodesByCondition,RuntimeClass,Priority "$@"
}

verb=$1 folder=$2
shift 2
case $verb in
build) build "$@" ;;
run) run "$@" ;;
*) sed -n '2,9p' "$0" && exit 2 ;;
esac
