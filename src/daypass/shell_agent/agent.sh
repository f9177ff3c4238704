#!/bin/sh
# daypass for a server that has sh, curl and OpenSSH (8.1 or later) and no Python that daypass could use.
#
#   sh agent.sh enroll --token-file FILE   certificates for sshd's keys; sshd set up; a timer that keeps it so
#   sh agent.sh enroll --cloud KIND --ca URL --fingerprint HEX   the same by the word of a cloud: aws, gcp, azure,
#                                          or auto: whose metadata service answers
#   sh agent.sh enroll --port22 NAME --ca URL --fingerprint HEX  the same by what this server shows at its port 22
#   sh agent.sh sync [--quiet]             what has changed; new certificates when two thirds of their time are over
#   sh agent.sh renew                      new certificates now
#   sh agent.sh status                     name, certificates, when the CA was last heard of; 1: something is wrong
#   sh agent.sh leave                      takes all of it away again
#
# Also: --root DIR, --sshd-config FILE, --no-reload, --no-timer. Exit codes are daypass's own.
#
# What is believed, and why: the X.509 root by the fingerprint in the join token; the hash of the offline root that
# stands in it; the trust document that this root has signed; the host bundle that a key of that document has signed
# (ssh-keygen -Y verify). The server itself is never believed, and nothing is written before all of that holds.
# shellcheck disable=SC2015,SC2034 # A && B || die: die does not come back; the state's names are used by eval
set -u
umask 077
LC_ALL=C
PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin # cron gives little
export LC_ALL PATH
unset CDPATH

VERSION=1
TRUST_ROOT_OID=061369c6f3b4b4a5e3b2a5af8385ffe1e296f0f01a # of the extension that holds the CA id, in DER
SLACK=300         # seconds that a document may come from the future
AWAY=86400        # seconds without a word from the CA, after which status says that something is wrong
LONGEST=67108864  # bytes of an answer
MOST_NAMES=20000  # characters of account names that are told, of each kind
INVALID=3 UNAUTHENTICATED=4 CONFLICT=7 UNAVAILABLE=9 MISCONFIGURED=10

root='' sshd_config='' token_file='' cloud='' port22='' ca='' fingerprint='' quiet='' no_reload='' no_timer='' work='' undoing='' reloaded='' locked='' by_host='' force='' again=0

# --- telling -----------------------------------------------------------------------------------------------------

say() {
    [ -n "$quiet" ] || printf '%s\n' "$1"
}

warn() {
    printf 'daypass: warning: %s\n' "$1" >&2
}

die() { # CODE MESSAGE [HINT]
    printf 'daypass: error: %s\n' "$2" >&2
    [ -z "${3:-}" ] || printf 'daypass: hint: %s\n' "$3" >&2
    exit "$1"
}

printable() { # what others wrote, on one line
    tr -d '\000-\037\177-\377' | cut -c1-300
}

# --- bytes -------------------------------------------------------------------------------------------------------

hex() {
    od -An -v -tx1 | tr -d ' \n'
}

unhex() { # the bytes that these hexadecimal digits stand for
    printf '%b' "$(printf '%s\n' "$1" | awk '{
        for (at = 1; at < length($0); at += 2)
            printf "\\0%03o", 16 * digit(substr($0, at, 1)) + digit(substr($0, at + 1, 1))
    }
    function digit(letter) { return index("0123456789abcdef", letter) - 1 }')"
}

string() { # an SSH string (RFC 4251 section 5): hexadecimal to hexadecimal
    printf '%08x%s' $((${#1} / 2)) "$1"
}

text() {
    printf %s "$1" | hex
}

sha256() {
    sha256sum | cut -d' ' -f1
}

base64_of() {
    base64 | tr -d '\n'
}

base64url() {
    base64_of | tr '+/' '-_' | tr -d '='
}

now() {
    date +%s
}

epoch() { # unix seconds of 2026-11-23T14:00:00
    printf '%s\n' "$1" | awk -F'[-T:]' '{
        year = $1; month = $2
        if (month <= 2) { year--; month += 12 }
        days = 365 * year + int(year / 4) - int(year / 100) + int(year / 400)
        days += int((153 * (month - 3) + 2) / 5) + $3 - 719469
        printf "%.0f\n", ((days * 24 + $4) * 60 + $5) * 60 + $6
    }'
}

is_number() {
    case $1 in '' | *[!0-9]* | ????????????????*) return 1 ;; esac
}

# --- files -------------------------------------------------------------------------------------------------------

put() { # MODE FILE: standard input becomes the file, at once or not at all; one that holds it already stays
    cat >"$2.daypass-new" || return 1
    if cmp -s "$2.daypass-new" "$2"; then
        rm -f "$2.daypass-new"
    else
        chmod "$1" "$2.daypass-new" && on_disk "$2.daypass-new" && mv -f "$2.daypass-new" "$2" || return 1
        say "$2 written"
    fi
}

on_disk() { # FILE: before it takes another's place. After a power cut it would be empty else, and sshd refuse every key
    command sync "$1" 2>/dev/null || command sync
}

check_owned() { # PATH: that nobody beside root can change it
    [ -e "$1" ] || [ -L "$1" ] || return 0
    if [ -n "$(find "$1" -prune \( -type l -o ! -user "$(id -u)" -o -perm -020 -o -perm -002 \))" ]; then
        die $MISCONFIGURED "$1 is a link, or somebody beside root may change it" "make it root's own: chown root $1; chmod go-w $1"
    fi
}

remembered() { # NAME: its value in the state, which is empty before enrolment
    sed -n "s/^$1=//p" "$memory/state" 2>/dev/null
}

remember() { # all of the state, at once
    for each in url fingerprint ca_id host_id name machine trust_version bundle_version bundle_expires digest \
        closed_after heard sshd_config; do
        eval "printf '%s=%s\\n' \"\$each\" \"\$$each\""
    done | (quiet=yes put 600 "$memory/state") || die $UNAVAILABLE "$memory/state can't be written"
}

recall() {
    [ -f "$memory/state" ] || die $MISCONFIGURED 'this machine is not enrolled' 'make a token on the CA machine: daypass token host NAME; then here: sh agent.sh enroll --token-file FILE'
    check_owned "$memory"
    for each in url fingerprint ca_id host_id name machine trust_version bundle_version bundle_expires digest \
        closed_after heard sshd_config; do
        eval "$each=\$(remembered \$each)"
    done
}

require_own_machine() { # a copied disk brings another machine's identity along (machine-id(5) differs)
    [ -z "$machine" ] || [ "$machine" = "$(machine_of)" ] || die $CONFLICT "this machine is a copy of the one that enrolled as $name" 'give it host keys of its own (rm /etc/ssh/ssh_host_*; ssh-keygen -A), and enrol it with a new token'
}

machine_of() { # as host/machine.py has it: nobody else can tell by it which machine this is
    id=$(tr -d '[:space:]' 2>/dev/null <"$root/etc/machine-id")
    printf %s "$id" | grep -Eqx '[0-9a-f]{32}' && printf 'daypass-machine-v1\000%s\000%s' "$ca_id" "$id" | sha256
}

lock() { # one at a time; what a power cut left is passed over
    if ! (set -C && echo $$ >"$memory/agent.lock") 2>/dev/null; then
        holder=$(cat "$memory/agent.lock" 2>/dev/null)
        if kill -0 "${holder:-0}" 2>/dev/null && [ -n "$holder" ] && [ "$holder" != $$ ] &&
            grep -q agent "/proc/$holder/cmdline" 2>/dev/null; then
            die $CONFLICT 'another agent.sh is at work here' 'it will be done in a minute'
        fi
        mv -f "$memory/agent.lock" "$memory/agent.lock.$$" 2>/dev/null && rm -f "$memory/agent.lock.$$"
        (set -C && echo $$ >"$memory/agent.lock") 2>/dev/null || die $CONFLICT 'another agent.sh is at work here'
    fi
    locked=yes
    rm -rf "$memory"/work.*
    work=$memory/work.$$
    mkdir "$work" || die $UNAVAILABLE "$work can't be made"
}

finish() {
    status=$?
    [ -z "$undoing" ] || roll_back
    [ -z "$work" ] || rm -rf "$work"
    [ -z "$locked" ] || rm -f "$memory/agent.lock"
    rmdir "$memory" "${memory%/agent}" 2>/dev/null
    exit "$status"
}

# --- calls -------------------------------------------------------------------------------------------------------

ask() { # METHOD PATH FILE: the answer goes to $work/answer. FILE is the body; with $by_host the host signs the call
    header=''
    [ -z "$by_host" ] || header=$(host_proof "$@") || exit
    {
        printf 'url = "%s%s"\nrequest = "%s"\n' "$url" "$2" "$1"
        printf 'data-binary = "@%s"\nheader = "Content-Type: application/json"\n' "$3"
        [ -z "$header" ] || printf 'header = "Authorization: Daypass-Host %s"\n' "$header"
    } >"$work/curl"
    # Not on the command line, which everybody on a machine can read.
    code=$(curl -q -g -sS --retry $again --proto =https --max-time 60 --max-filesize $LONGEST --cacert "$work/roots.pem" \
        -K "$work/curl" -o "$work/answer" -w '%{http_code}' 2>"$work/curl.said") ||
        die $UNAVAILABLE "the CA at $url can't be reached: $(printable <"$work/curl.said")"
    case $code in 2??) return 0 ;; esac
    die "$(exit_of "$code")" "$(member message) (HTTP $code)" "$(member hint)"
}

member() { # one of the words of an error answer
    printable <"$work/answer" | sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"
}

exit_of() {
    case $1 in
        401) echo $UNAUTHENTICATED ;; 403) echo 5 ;; 404) echo 6 ;; 409) echo $CONFLICT ;; 429) echo 8 ;;
        5??) echo $UNAVAILABLE ;; *) echo $INVALID ;;
    esac
}

host_proof() { # METHOD PATH FILE: what goes behind Authorization (api.HostProof)
    key=$(first_key)
    time=$(now)
    nonce=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    message=$(text daypass-request-v1)00$(string "$ca_id")$(string "$(text "$1")")$(string "$(text "$2")")
    message=$message$(string "$(sha256 <"$3")")$(string "$(printf %016x "$time")")$(string "$nonce")
    proof=$(signed "$key" daypass-host-request "$message") || exit
    printf '{"certificate":"%s","time":%s,"nonce":"%s","proof":"%s"}' "$(cut -d' ' -f2 <"$(certificate_of "$key")")" \
        "$time" "$(unhex "$nonce" | base64_of)" "$proof" | base64url
}

signed() { # KEY NAMESPACE HEX: an SSHSIG over these bytes, in base64. The namespaces are @v1
    unhex "$3" >"$work/message"
    rm -f "$work/message.sig"
    ssh-keygen -q -Y sign -f "$1" -n "$2@v1" "$work/message" </dev/null >/dev/null 2>"$work/said" ||
        die $MISCONFIGURED "ssh-keygen can't sign with $1: $(printable <"$work/said")" 'OpenSSH 8.1 or later is needed'
    sed '/^-----/d' "$work/message.sig" | tr -d '\n'
}

proven_keys() { # HEX: "keys" of a request, each with its signature over this message
    comma=''
    while read -r key; do
        proof=$(signed "$key" daypass-possession "$1") || exit
        printf '%s{"public_key":"%s","proof":"%s"}' "$comma" "$(public_of "$key" | cut -d' ' -f2)" "$proof"
        comma=,
    done <"$work/keys"
}

# --- host keys ---------------------------------------------------------------------------------------------------

public_of() {
    ssh-keygen -y -P '' -f "$1" 2>/dev/null </dev/null
}

family_of() { # as ssh-keyscan calls it
    case $1 in ssh-ed25519*) echo ed25519 ;; ecdsa-*) echo ecdsa ;; ssh-rsa*) echo rsa ;; esac
}

find_keys() { # the first key of each family that sshd has, to $work/keys
    : >"$work/keys"
    families=' '
    effective hostkey | while read -r key; do
        [ -f "$key" ] || continue
        family=$(family_of "$(public_of "$key")")
        case $families in *" $family "*) continue ;; esac
        families="$families$family "
        [ -z "$family" ] || printf '%s\n' "$key"
    done >"$work/keys"
    [ -s "$work/keys" ] || die $MISCONFIGURED 'sshd has no host key that can be certified' 'make them: ssh-keygen -A'
}

first_key() { # one whose certificate is here
    while read -r key; do
        [ ! -f "$(certificate_of "$key")" ] || { echo "$key"; return; }
    done <"$work/keys"
    die $MISCONFIGURED 'no host key here has a certificate any more' 'enrol again with a new token'
}

certificate_of() {
    echo "$ours/ssh_host_$(family_of "$(public_of "$1")")_key-cert.pub"
}

# --- what the CA has sent ----------------------------------------------------------------------------------------

line_of() { # NAME: its value in the answer
    sed -n "s/^$1 //p" "$work/answer"
}

listed() { # NAME FILE: the strings of one list of the trust document, one a line
    sed -n "s/.*\"$1\":\\[\\([^]]*\\)\\].*/\\1/p" "$2" | awk '{ gsub(/^"|"$/, ""); gsub(/","/, "\n"); print }'
}

said_of() { # NAME: its values in the bundle, one a line
    sed -n "s/^$1 //p" "$work/bundle"
}

is_signed() { # NAMESPACE FILE: by one of the keys in $work/allowed, with FILE.sig
    ssh-keygen -Y verify -f "$work/allowed" -I daypass -n "$1" -s "$2.sig" <"$2" >/dev/null 2>&1
}

unpack() { # NAME FILE: a document of the answer and its signature
    line_of "$1" | base64 -d >"$2" 2>/dev/null
    {
        echo '-----BEGIN SSH SIGNATURE-----'
        line_of "$1-signature" | fold -w 70
        echo '-----END SSH SIGNATURE-----'
    } >"$2.sig"
}

judge() { # everything in the answer, from the pinned root down. Nothing is written
    [ "$(sed -n 1p "$work/answer")" = daypass-agent-v1 ] && [ "$(sed -n '$p' "$work/answer")" = end ] ||
        die $INVALID 'what the CA sent is no answer to this agent, or only a part of one'
    judge_trust
    judge_bundle
    judge_krl
}

judge_trust() {
    if [ -n "$(line_of trust)" ]; then
        unpack trust "$work/trust"
        line_of trust-root >"$work/trust.root"
    else
        for each in trust trust.sig trust.root; do cp "$memory/$each" "$work/$each" 2>/dev/null; done
    fi
    [ "$(cut -d' ' -f2 2>/dev/null <"$work/trust.root" | base64 -d 2>/dev/null | sha256)" = "$ca_id" ] ||
        die $UNAUTHENTICATED "the trust document is not signed by this CA's root" 'do not go on; ask the operator of the CA'
    printf 'daypass %s\n' "$(cat "$work/trust.root")" >"$work/allowed"
    is_signed daypass-trust "$work/trust" && grep -q "\"ca_id\":\"$ca_id\"" "$work/trust" &&
        grep -q '"type":"daypass-trust-v1"' "$work/trust" ||
        die $UNAUTHENTICATED "the trust document is not signed by this CA's root" 'do not go on; ask the operator of the CA'
    new_trust_version=$(sed -n 's/.*"version":\([0-9]*\).*/\1/p' "$work/trust")
    not_older 'the trust document' "$new_trust_version" "$trust_version"
}

judge_bundle() {
    unpack bundle "$work/bundle"
    listed bundle_keys "$work/trust" | sed 's/^/daypass /' >"$work/allowed"
    is_signed daypass-host-bundle-text "$work/bundle" && [ "$(sed -n 1p "$work/bundle")" = daypass-host-bundle-text-v1 ] &&
        [ "$(sed -n '$p' "$work/bundle")" = end ] && ! grep -q '[[:cntrl:]]' "$work/bundle" ||
        die $UNAUTHENTICATED 'the host bundle is not signed by a key of this CA' 'do not go on; ask the operator of the CA'
    [ "$(said_of ca)" = "$ca_id" ] || die $UNAUTHENTICATED 'the host bundle belongs to another CA'
    [ -z "$host_id" ] || [ "$(said_of host) $(said_of name)" = "$host_id $name" ] ||
        die $UNAUTHENTICATED 'the host bundle is for another host'
    printf '%s %s\n' "$(said_of host)" "$(said_of name)" |
        grep -Eq '^[0-9A-Za-z-]{1,64} [a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$' || die $INVALID 'the host bundle names no host'
    not_older 'the host bundle' "$(said_of version)" "$bundle_version"
    for each in issued expires fail-closed-after; do
        is_number "$(said_of $each)" || die $INVALID "the host bundle has no $each"
    done
    [ "$(said_of issued)" -le $(($(now) + SLACK)) ] && [ "$(said_of expires)" -gt "$(now)" ] ||
        die $UNAUTHENTICATED 'the host bundle has expired, or comes from the future' "set this machine's clock: timedatectl"
    judge_keys
    judge_lines
}

not_older() { # WHAT VERSION KNOWN
    is_number "$2" || die $INVALID "$1 has no version"
    [ "$2" -ge "${3:-0}" ] || die $CONFLICT "$1 has version $2, and version $3 was seen before" 'the CA may have been restored from a backup; ask its operator'
}

judge_keys() { # user CA keys are believed only from the trust document
    said_of user-ca >"$work/user_ca.pub"
    listed user_ca "$work/trust" >"$work/user_ca.trusted"
    [ -s "$work/user_ca.pub" ] && ! grep -Fvxq -f "$work/user_ca.trusted" "$work/user_ca.pub" ||
        die $UNAUTHENTICATED 'the host bundle names a user CA key that the trust document does not' 'do not go on; ask the operator of the CA'
}

judge_lines() { # they become files, and sshd's lines: nothing of any other form (host.options, host.principals)
    options='restrict(,(pty|port-forwarding|agent-forwarding|X11-forwarding|user-rc|from="[0-9A-Fa-f.:/,]+"|command="([^"\\#]|\\+"|\\+[^"\\#])+"))*'
    role='role:[a-z][a-z0-9-]{0,62}'
    grep -E '^(line|own) ' "$work/bundle" | grep -Evq "^(line [a-z_][a-z0-9._-]{0,31}|own) $options $role\$" &&
        die $INVALID 'the host bundle has a line that can not stand in a principals file'
    return 0
}

judge_krl() { # the one whose digest is signed, and only if OpenSSH loads it (trust 6.1)
    if [ -n "$(line_of krl)" ]; then
        line_of krl | base64 -d >"$work/krl" 2>/dev/null
    else
        cp "$ours/krl" "$work/krl" 2>/dev/null
    fi
    [ -s "$work/krl" ] && [ "$(sha256 <"$work/krl")" = "$(said_of krl)" ] ||
        die $INVALID 'the list of revoked certificates is not the one that the host bundle names'
    loads "$work/krl" || die $INVALID "the list of revoked certificates can't be loaded by ssh-keygen"
    # A list of plain keys, or for every CA, could shut out the owner's own keys. (An old ssh-keygen lists nothing.)
    ssh-keygen -Q -l -f "$work/krl" </dev/null 2>/dev/null | grep -Eq '^(# Wildcard CA|hash:|blob:)' &&
        die $INVALID 'the list of revoked certificates revokes more than certificates of CAs that it names'
    glass_left || die $UNAUTHENTICATED 'the list of revoked certificates revokes break-glass certificates that the offline root has not revoked' 'do not go on; ask the operator of the CA'
}

glass_left() { # what is revoked of break-glass the offline root has signed (host.answer)
    listed break_glass "$work/trust" >"$work/glass.keys"
    [ -s "$work/glass.keys" ] || return 0
    ssh-keygen -l -f "$work/glass.keys" 2>/dev/null | cut -d' ' -f2 >"$work/glass.prints"
    sed -n 's/.*"break_glass_revoked":\[\(\[[^a-z"]*\]\)\].*/\1/p' "$work/trust" | tr -d '[' | tr ']' '\n' |
        sed 's/^,//; s/,/ /' >"$work/glass.revoked"
    ssh-keygen -Q -l -f "$work/krl" </dev/null 2>/dev/null |
        awk -v prints="$work/glass.prints" -v revoked="$work/glass.revoked" '
        BEGIN {
            while ((getline <prints) > 0) glass[$1] = 1
            while ((getline <revoked) > 0) # ssh-keygen lists neighbours as one
                if (NF == 2 && n && $1 <= high[n] + 1) high[n] = $2
                else if (NF == 2) { low[++n] = $1; high[n] = $2 }
        }
        /^# CA key / { ours = $5 in glass; next }
        ours && /^id:/ { wrong = 1 }
        ours && /^serial:/ {
            split($2, ends, "-")
            if (ends[2] == "") ends[2] = ends[1]
            held = 0
            for (i = 1; i <= n; i++) if (ends[1] + 0 >= low[i] + 0 && ends[2] + 0 <= high[i] + 0) held = 1
            if (!held) wrong = 1
        }
        END { exit wrong }'
}

loads() { # 0: none of these keys is revoked, 1: one is, anything else: it is no KRL
    ssh-keygen -Q -f "$1" "$work/user_ca.pub" </dev/null >/dev/null 2>&1
    [ $? -le 1 ]
}

judge_certificates() { # to $work/certificates, named as they will be
    rm -rf "$work/certificates"
    mkdir "$work/certificates"
    listed host_ca "$work/trust" >"$work/host_ca.pub"
    ssh-keygen -l -f "$work/host_ca.pub" 2>/dev/null | cut -d' ' -f2 >"$work/host_ca"
    [ "$(line_of certificate | wc -l)" -eq "$(wc -l <"$work/keys")" ] ||
        die $INVALID 'the CA sent another number of certificates than there are keys'
    at=0
    while read -r key; do
        at=$((at + 1))
        file=$work/certificates/$(basename "$(certificate_of "$key")")
        line_of certificate | sed -n "${at}p" >"$file"
        problem=$(problem_of "$file" "$key")
        [ -z "$problem" ] || die $UNAUTHENTICATED "the certificate for $key $problem"
    done <"$work/keys"
}

problem_of() { # FILE KEY: what is wrong with a certificate; ssh-keygen has verified its signature to show it
    TZ=UTC0 ssh-keygen -L -f "$1" >"$work/shown" 2>/dev/null || { echo 'is none'; return; }
    public_of "$2" >"$work/key.pub"
    print=$(ssh-keygen -l -f "$work/key.pub" | cut -d' ' -f2)
    grep -q '^ *Type: .* host certificate$' "$work/shown" || echo 'is no host certificate'
    grep -q "^ *Public key: [^ ]* $print\$" "$work/shown" || echo 'is for another key'
    shown 'Signing CA' | cut -d' ' -f2 | grep -Fxq -f "$work/host_ca" || echo 'is not signed by a host CA key of the trust document'
    [ "$(shown 'Critical Options')" = '(none)' ] || echo 'carries critical options'
    sed -n '/^ *Principals:/,/^ *Critical Options:/s/^ \{10,\}//p' "$work/shown" >"$work/names"
    grep -Fxq "$(said_of name)" "$work/names" || echo "does not name $(said_of name)"
    ! grep -q '[]*?!,[ ]' "$work/names" || echo 'carries a pattern, or what is no name'
    times_of || { echo 'has no end'; return; }
    [ "$after" -le $(($(now) + SLACK)) ] && [ "$before" -gt "$(now)" ] || echo "is not valid now: set this machine's clock (timedatectl)"
    [ $((before - after)) -le 34560000 ] || echo 'would be valid for more than 400 days'
}

shown() {
    sed -n "s/^ *$1: *//p" "$work/shown"
}

times_of() { # $after and $before of what ssh-keygen has shown last
    # shellcheck disable=SC2046 # five words: from A to B
    set -- $(shown Valid)
    [ "${1:-} ${3:-}" = 'from to' ] || return 1
    after=$(epoch "$2") before=$(epoch "$4")
}

# --- the owner's ceiling, accounts, principals --------------------------------------------------------------------

never() { # accounts that nobody may enter, by /etc/daypass/host.toml
    check_owned "$settings_folder"
    check_owned "$settings_folder/host.toml"
    [ -f "$settings_folder/host.toml" ] || return 0
    sed 's/#.*//' "$settings_folder/host.toml" | tr '\n\t' '  ' |
        sed 's/make_accounts *= *\(true\|false\)//; s/allowed_groups *= *\[[^]]*\]//; s/never *= *\[\([^]]*\)\]/\1/' |
        tr ',' '\n' | sed 's/^ *//; s/ *$//; /^$/d' >"$work/never"
    grep -Eqv '^"[^"\\]*"$' "$work/never" && die $MISCONFIGURED "$settings_folder/host.toml can't be understood" 'agent.sh reads: never = ["root"], make_accounts = true, allowed_groups = ["x"]'
    tr -d '"' <"$work/never"
}

shut() { # the same accounts by whatever name
    never >"$work/shut" || exit
    awk -F: -v OFS=: 'FILENAME == ARGV[1] { shut[$0]; if ($0 == "root") uids[0]; next }
        NF == 7 && !($1 in seen) { seen[$1]; uid[$1] = $3; if ($1 in shut) uids[$3] }
        END { for (name in uid) if (uid[name] in uids) shut[name]; for (name in shut) print name }' "$work/shut" "$passwd"
}

accounts() { # system | ordinary: names in /etc/passwd
    awk -F: -v kind="$1" 'NF == 7 && $3 ~ /^[0-9]+$/ && $1 ~ /^[a-z_][a-z0-9._-]*$/ && length($1) <= 32 && !seen[$1]++ {
        ordinary = $3 >= 1000 && $3 != 65534 && $1 != "nobody"
        if (kind == "system" ? $3 < 1000 : ordinary) print $1 }' "$passwd"
}

make_principals() { # to $work/principals: what stands in each account's file, in the bundle's order
    mkdir -p "$work/principals"
    shut >"$work/closed" || exit
    accounts ordinary >"$work/ordinary"
    grep -E '^(line|own) ' "$work/bundle" >"$work/lines"
    awk -v to="$work/principals" '
        FILENAME == ARGV[1] { closed[$0]; next }
        FILENAME == ARGV[2] { people[++count] = $0; next }
        $1 == "line" { write($2, substr($0, length($2) + 7)) }
        $1 == "own" { for (at = 1; at <= count; at++) write(people[at], substr($0, 5) ":" people[at]) }
        function write(account, line) {
            if (account in closed || (account, line) in written) return
            written[account, line]
            print line >> (to "/" account)
            close(to "/" account)
        }' "$work/closed" "$work/ordinary" "$work/lines" || die $UNAVAILABLE "$work can't be written"
}

apply() { # what narrows comes before what widens
    put 644 "$ours/krl" <"$work/krl" || die $UNAVAILABLE "$ours/krl can't be written"
    for each in "$ours"/principals/*; do
        [ ! -f "$each" ] || [ -f "$work/principals/${each##*/}" ] || { rm -f "$each" && say "$each taken away"; }
    done
    for each in "$work"/principals/*; do
        [ ! -f "$each" ] || put 644 "$ours/principals/${each##*/}" <"$each" || die $UNAVAILABLE "$ours can't be written"
    done
    put 644 "$ours/user_ca.pub" <"$work/user_ca.pub" || die $UNAVAILABLE "$ours can't be written"
}

keep() { # the documents and the state, last
    for each in trust trust.sig trust.root; do
        (quiet=yes put 600 "$memory/$each" <"$work/$each") || die $UNAVAILABLE "$memory can't be written"
    done
    listed tls_roots "$work/trust" | while read -r pem; do printf '%b' "$pem"; done >"$work/tls"
    [ -s "$work/tls" ] || cp "$work/roots.pem" "$work/tls"
    (quiet=yes put 600 "$memory/roots.pem" <"$work/tls") || die $UNAVAILABLE "$memory can't be written"
    host_id=$(said_of host) name=$(said_of name) digest=$(said_of digest) closed_after=$(said_of fail-closed-after)
    trust_version=$new_trust_version bundle_version=$(said_of version) bundle_expires=$(said_of expires) heard=$(now)
    remember
}

# --- sshd --------------------------------------------------------------------------------------------------------

effective() { # KEYWORD [FILE]: its values as sshd goes by them
    "$sshd" -T -f "${2:-$sshd_config}" 2>/dev/null | awk -v keyword="$1" '
        tolower($1) == keyword { sub(/^[^ ]* /, ""); gsub(/^"|"$/, ""); print }'
}

find_sshd() { # where systemd listens for it and nobody has come yet, sshd -t refuses: its unit makes /run/sshd
    sshd=$(command -v sshd) || die $MISCONFIGURED 'there is no sshd here' 'install openssh-server'
    [ -d /run/systemd/system ] && "$sshd" -t -f "$sshd_config" 2>&1 | grep -q 'Missing privilege separation' || return 0
    for each in ssh sshd; do
        case $(systemctl show --property=ActiveState,Accept $each.socket | sort | tr '\n' ' ') in
            'Accept=no ActiveState=active ') systemctl start $each.service && return 0 ;;
        esac
    done
}

look_at_sshd() {
    find_sshd
    "$sshd" -t -f "$sshd_config" 2>"$work/said" ||
        die $MISCONFIGURED "sshd refuses its configuration: $(printable <"$work/said")"
    for keyword in trustedusercakeys authorizedprincipalsfile revokedkeys authorizedprincipalscommand hostcertificate; do
        foreign=$(effective $keyword | grep -Ev "^none\$|^$ours/" | head -n 1)
        [ -z "$foreign" ] || die $CONFLICT "sshd already has $keyword $foreign" 'take that line out of its configuration and run this again; nothing was changed'
    done
    find_place
}

find_place() { # $place: a file of our own where sshd_config includes a folder ahead of any Match, else sshd_config itself
    place=$sshd_config
    grep -Fq '# >>> daypass >>>' "$sshd_config" && return
    folder=$(awk 'tolower($1) == "match" { exit } tolower($1) == "include" && $2 ~ /^\/.*\/\*(\.conf)?$/ {
        sub(/\/[^\/]*$/, "", $2); print $2; exit }' "$sshd_config")
    [ -z "$folder" ] || [ ! -d "$folder" ] || place=$folder/10-daypass.conf
}

our_lines() {
    echo '# Written by agent.sh of daypass, and written again by it: changes made here are lost.'
    while read -r key; do echo "HostCertificate $(certificate_of "$key")"; done <"$work/keys"
    printf '%s\n' "TrustedUserCAKeys $ours/user_ca.pub" "AuthorizedPrincipalsFile $ours/principals/%u" "RevokedKeys $ours/krl"
}

with_block() { # sshd_config with our lines on top, ahead of every Match
    echo '# >>> daypass >>>'
    our_lines
    echo '# <<< daypass <<<'
    without_block
}

without_block() {
    sed '/^# >>> daypass >>>$/,/^# <<< daypass <<<$/d' "$sshd_config"
}

in_force() { # FILE: that sshd takes it, and goes by every one of our lines
    "$sshd" -t -f "$1" 2>"$work/said" || die $MISCONFIGURED "sshd refuses its configuration: $(printable <"$work/said")"
    our_lines | sed 1d | while read -r keyword value; do
        effective "$(echo "$keyword" | tr '[:upper:]' '[:lower:]')" "$1" | grep -Fxq "$value" ||
            die $MISCONFIGURED "sshd does not go by $keyword $value" 'another line of its configuration wins'
    done || exit
}

configure() { # beside the real one first, then in one rename
    with_block >"$work/candidate"
    in_force "$work/candidate"
    if [ "$place" = "$sshd_config" ]; then
        [ -e "$memory/sshd_config.before" ] || without_block >"$memory/sshd_config.before"
        replace_config <"$work/candidate"
    else
        our_lines | put 644 "$place"
    fi || die $UNAVAILABLE "$place can't be written"
    in_force "$sshd_config"
}

replace_config() { # with the owner's mode
    cmp -s "$work/candidate" "$sshd_config" && return
    cp -p "$sshd_config" "$sshd_config.daypass-new" && cat >"$sshd_config.daypass-new" &&
        on_disk "$sshd_config.daypass-new" && mv -f "$sshd_config.daypass-new" "$sshd_config"
}

reload() { # $reloaded says how; empty where no sshd runs with this configuration
    reloaded=''
    [ -z "$no_reload" ] || return 0
    if [ "$sshd_config" = /etc/ssh/sshd_config ] && [ -d /run/systemd/system ]; then
        for unit in ssh.service sshd.service; do
            systemctl is-active --quiet $unit 2>/dev/null || continue
            reloaded=$unit
            systemctl reload $unit >/dev/null 2>&1
            return
        done
    fi
    pid=$(cat "$(effective pidfile)" 2>/dev/null)
    case $(readlink "/proc/${pid:-none}/exe") in */sshd | */sshd' (deleted)') ;; *) return 0 ;; esac
    reloaded=$pid
    kill -HUP "$pid"
}

answers() { # sshd after a reload, whatever key it shows
    [ -n "$reloaded" ] || return 0
    find_address
    for pause in 1 1 2 4; do
        sleep $pause
        [ -z "$(ssh-keyscan -T 5 -p "$port" "$address" 2>/dev/null)" ] || return 0
    done
    return 1
}

find_address() { # where it listens, seen from this machine; IPv4 first
    address=$(effective listenaddress | sort | grep -v '^\[' | head -n 1)
    [ -n "$address" ] || address=$(effective listenaddress | head -n 1)
    port=${address##*:} address=${address%:*}
    address=$(echo "$address" | tr -d '[]' | sed 's/^0\.0\.0\.0$/127.0.0.1/; s/^::$/::1/')
}

prove() { # connects until sshd presents every one of the certificates in $ours
    [ -n "$reloaded" ] || return 0
    find_address
    kinds=$(while read -r key; do family_of "$(public_of "$key")"; done <"$work/keys" | tr '\n' ',' | sed 's/,$//')
    for pause in 1 1 2 4; do
        sleep $pause
        ssh-keyscan -c -T 5 -t "$kinds" -p "$port" "$address" 2>/dev/null | awk '{ print $NF }' >"$work/scanned"
        while read -r key; do cut -d' ' -f2 <"$(certificate_of "$key")"; done <"$work/keys" |
            grep -Fvxq -f "$work/scanned" || return 0
    done
    return 1
}

begin() { # from here on, whatever ends this script puts everything back
    rm -rf "$work/undo"
    mkdir -p "$work/undo/principals"
    for each in "$ours"/* "$ours"/principals/*; do
        [ ! -f "$each" ] || cp -p "$each" "$work/undo/${each#"$ours"/}" || die $UNAVAILABLE "$work can't be written"
    done
    [ ! -e "$place" ] || cp -p "$place" "$work/undo.place"
    undoing=yes
}

roll_back() { # sshd's configuration first: it names the other files
    undoing='' quiet=yes
    if [ -e "$work/undo.place" ]; then
        cp -p "$work/undo.place" "$place.daypass-new" && mv -f "$place.daypass-new" "$place"
    else
        rm -f "$place"
    fi
    for each in "$work"/undo/* "$work"/undo/principals/*; do
        [ ! -f "$each" ] || put 644 "$ours/${each#"$work/undo/"}" <"$each"
    done
    for each in "$ours"/* "$ours"/principals/*; do
        [ ! -f "$each" ] || [ -e "$work/undo/${each#"$ours"/}" ] || rm -f "$each"
    done
    rmdir "$ours/principals" "$ours" 2>/dev/null
    [ -f "$memory/state" ] || rm -f "$memory/sshd_config.before"
    [ -z "$reloaded" ] || reload
    warn 'everything is as it was before'
}

# --- break-glass: as host/breakglass.py has it, by what the offline root has signed alone --------------------------------

break_glass() { # never stands in the way of a sync: what goes wrong is put back, and said
    glass_account=$(sed -n 's/.*"break_glass_account":"\([a-z_][a-z0-9._-]*\)".*/\1/p' "$work/trust" | cut -c1-32)
    cat "$work/trust.root" >"$work/glass.others"
    for each in user_ca host_ca bundle_keys; do listed $each "$work/trust" >>"$work/glass.others"; done
    listed break_glass "$work/trust" | grep -E '^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/=]+$' | head -n 4 |
        grep -Fvxf "$work/glass.others" |
        sed 's/^/cert-authority,principals="break-glass",restrict,pty /; s/$/ break-glass/' >"$work/glass"
    grep -q "^$glass_account:" "$passwd" && ! grep -Fxq "$glass_account" "$work/closed" || : >"$work/glass"
    if [ -n "$glass_account" ] && [ -s "$work/glass" ]; then glass_in; else glass_out; fi
}

glass_file() { # where sshd is told of it: a file of our own, read first; empty for a block in sshd_config
    [ "$place" = "$sshd_config" ] || echo "${place%/*}/00-daypass-break-glass.conf"
}

glass_own() { # the owner's files for this account
    "$sshd" -T -f "$sshd_config" -C "user=$glass_account,host=h,addr=198.51.100.7" 2>/dev/null |
        sed -n 's/^authorizedkeysfile //p' | tr ' ' '\n' | grep -Fvx -e none -e "$ours/break_glass" | tr '\n' ' '
}

glass_in() {
    (quiet=yes put 644 "$ours/break_glass" <"$work/glass") || return 0
    printf '%s\n' '# Written by agent.sh of daypass from what the offline root has signed; changes made here are lost.' \
        "Match User $glass_account" "    AuthorizedKeysFile $(glass_own)$ours/break_glass" >"$work/glass.conf"
    glass_put "$(glass_file)" || { warn 'break-glass is not in force: sshd does not go by it'; rm -f "$ours/break_glass"; }
}

glass_out() { # sshd's configuration first: it names the file
    : >"$work/glass.conf"
    glass_put "$(glass_file)" && rm -f "$ours/break_glass"
}

glass_put() { # FILE
    glass_target=${1:-$sshd_config}
    if [ -n "$1" ]; then cat "$work/glass.conf"; else with_glass; fi >"$work/glass.new"
    cmp -s "$work/glass.new" "$glass_target" && return 0
    [ -s "$work/glass.new" ] || [ -e "$glass_target" ] || return 0
    rm -f "$work/glass.before"
    [ ! -e "$glass_target" ] || cp -p "$glass_target" "$work/glass.before" || return 1
    glass_write "$work/glass.new" && glass_holds && reload && answers && return 0
    if [ -e "$work/glass.before" ]; then glass_write "$work/glass.before"; else rm -f "$glass_target"; fi
    reload
    return 1
}

glass_write() { # FILE: in one rename, with the owner's mode; an empty one takes ours away
    if [ ! -s "$1" ]; then rm -f "$glass_target"; return; fi
    if [ "$glass_target" = "$sshd_config" ]; then cp "$1" "$work/candidate" && replace_config <"$1"; else (quiet=yes put 644 "$glass_target" <"$1"); fi
}

glass_holds() {
    "$sshd" -t -f "$sshd_config" 2>/dev/null || return 1
    [ -s "$work/glass.conf" ] || return 0
    "$sshd" -T -f "$sshd_config" -C "user=$glass_account,host=h,addr=198.51.100.7" 2>/dev/null |
        grep -Eq "^authorizedkeysfile (.* )?$ours/break_glass\$"
}

with_glass() { # sshd_config with the block in front of the first Match; without one where there is nothing to say
    without_glass | awk -v conf="$work/glass.conf" '
        function block(row) {
            if (done++ || (getline row < conf) <= 0) return
            print "# >>> daypass: break-glass >>>"
            do print row; while ((getline row < conf) > 0)
            print "# <<< daypass: break-glass <<<"
        }
        tolower($1) == "match" { block() }
        { print }
        END { block() }'
}

without_glass() {
    sed '/^# >>> daypass: break-glass >>>$/,/^# <<< daypass: break-glass <<<$/d' "$sshd_config"
}

glass_prints() { # fingerprints of the keys in force
    sed -n 's/^[^ ]* //p' "$ours/break_glass" 2>/dev/null >"$work/glass.keys"
    [ ! -s "$work/glass.keys" ] || ssh-keygen -l -f "$work/glass.keys" 2>/dev/null | cut -d' ' -f2
}

shout() { # whoever came in by it, once: on every terminal, and to syslog as an alert. The CA need not be there
    glass_prints >"$work/glass.prints"
    [ -s "$work/glass.prints" ] || return 0
    {
        journalctl -q -o short-iso --no-pager --since=-1h _UID=0 -t sshd -t sshd-session 2>/dev/null ||
            cat "$root/var/log/auth.log" "$root/var/log/secure" 2>/dev/null
    } | grep 'Accepted publickey for .* CA ' | grep -F -f "$work/glass.prints" >"$work/glass.seen"
    touch "$memory/alarms"
    grep -Fvxf "$memory/alarms" "$work/glass.seen" | while read -r line; do
        text="BREAK-GLASS: $(printf %s "$line" | printable)"
        logger -t daypass -p auth.alert "$text" 2>/dev/null
        wall "$text" 2>/dev/null
        warn "$text"
    done
    cat "$work/glass.seen" "$memory/alarms" | awk '!seen[$0]++' | head -n 200 >"$work/alarms"
    (quiet=yes put 600 "$memory/alarms" <"$work/alarms")
}

# --- commands ----------------------------------------------------------------------------------------------------

read_ca() { # where no join token says which
    url=${ca%/} fingerprint=$(printf %s "$fingerprint" | tr -d ': ' | tr '[:upper:]' '[:lower:]')
    printf '%s\n' "$url" | grep -Eqx 'https://[]A-Za-z0-9.:[-]+' && printf '%s\n' "$fingerprint" | grep -Eqx '[0-9a-f]{64}' ||
        die 2 'which CA?' 'sh agent.sh enroll --cloud aws --ca https://ca.example.com --fingerprint HEX'
    case $cloud in '' | auto | aws | gcp | azure) ;; *) die 2 "what cloud is $cloud?" 'aws, gcp, azure or auto' ;; esac
}

metadata() { # METHOD PATH [HEADER]: what the cloud says of this instance, by no proxy and nobody else
    printf 'url = "http://169.254.169.254%s"\nrequest = "%s"\n' "$2" "$1" >"$work/curl" # it may hold a session token
    [ -z "${3:-}" ] || printf 'header = "%s"\n' "$3" >>"$work/curl"
    code=$(curl -q -g -sS --noproxy '*' --proto =http --max-time 5 --max-filesize 65536 -K "$work/curl" \
        -o "$work/metadata" -w '%{http_code}' 2>"$work/said") && [ "$code" = 200 ] ||
        die $UNAVAILABLE "the metadata service gave no answer at ${2%%\?*}" "is this an instance of $cloud, with its metadata service on?"
    [ "$(wc -c <"$work/metadata")" -le 65536 ] || die $INVALID 'the metadata service said too much'
}

find_cloud() { # whose metadata service answers; one that lies has nothing to show that the CA believes
    for cloud in gcp azure aws; do
        case $cloud in
            gcp) set -- GET /computeMetadata/v1/instance/id 'Metadata-Flavor: Google' ;;
            azure) set -- GET /metadata/versions 'Metadata: true' ;;
            aws) set -- PUT /latest/api/token 'X-aws-ec2-metadata-token-ttl-seconds: 60' ;;
        esac
        ! (metadata "$@") 2>/dev/null || return 0
    done
    die $UNAVAILABLE "no cloud's metadata service answers on this machine" 'say which: --cloud aws, gcp or azure; or enrol with a join token'
}

word_of_cloud() { # wire/clouddocs.py, to $token
    [ "$cloud" != auto ] || find_cloud
    case $cloud in
        aws)
            metadata PUT /latest/api/token 'X-aws-ec2-metadata-token-ttl-seconds: 60'
            session="X-aws-ec2-metadata-token: $(tr -cd 'A-Za-z0-9+/=_.-' <"$work/metadata")"
            metadata GET /latest/dynamic/instance-identity/document "$session"
            token=aws1.$(base64url <"$work/metadata")
            metadata GET /latest/dynamic/instance-identity/rsa2048 "$session"
            token=$token.$(url_of_base64 <"$work/metadata")
            ;;
        gcp)
            digest=$(while read -r key; do public_of "$key" | cut -d' ' -f1,2; done <"$work/keys" | sort | sha256)
            metadata GET "/computeMetadata/v1/instance/service-accounts/default/identity?audience=daypass:host:$ca_id:$digest&format=full" 'Metadata-Flavor: Google'
            token=$(tr -d '[:space:]' <"$work/metadata")
            ;;
        azure)
            comma=''
            keys=$(while read -r key; do printf '%s"%s"' "$comma" "$(public_of "$key" | cut -d' ' -f2)"; comma=,; done <"$work/keys")
            printf '{"keys":[%s]}' "$keys" >"$work/request"
            ask POST /v1/host/challenge "$work/request"
            nonce=$(member nonce) resource=$(sed -n 's/.*"resources":\["\([^"]*\)".*/\1/p' "$work/answer" | tr -cd 'A-Za-z0-9:/._-')
            is_number "$nonce" || die $INVALID "the CA's challenge is no number"
            metadata GET "/metadata/attested/document?api-version=2020-09-01&nonce=$nonce" 'Metadata: true'
            token=azure1.$(of_metadata signature | url_of_base64)
            [ -z "$resource" ] || {
                metadata GET "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=$resource" 'Metadata: true'
                token=$token.$(of_metadata access_token)
            }
            ;;
    esac
    printf '%s\n' "$token" | grep -Eqx '[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){1,4}' || die $INVALID "what the metadata service says is no word of $cloud"
}

url_of_base64() {
    tr -d '=[:space:]' | tr '+/' '-_'
}

of_metadata() { # NAME: one of the words of its answer
    tr -d '\000-\037' <"$work/metadata" | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"
}

read_token() { # wire/jointoken.py: dpj1.base64url of {"url","fingerprint","id","secret"}
    [ -n "$token_file" ] || die 2 'which token?' 'sh agent.sh enroll --token-file FILE'
    token=$(tr -d '[:space:]' <"$token_file") || die $INVALID "the join token can't be read from $token_file"
    padded=${token#dpj1.}
    while [ $((${#padded} % 4)) -ne 0 ]; do padded=$padded=; done
    members=$(printf %s "$padded" | tr '_-' '/+' | base64 -d 2>/dev/null | tr -d '\000' |
        sed -n 's|^{"url":"\(https://[]A-Za-z0-9.:[-]*\)","fingerprint":"\([0-9a-f]\{64\}\)","id":"[0-9a-f]*","secret":"[A-Za-z0-9_-]*"}$|\1 \2|p')
    [ -n "$members" ] || die $INVALID 'this is not a join token' 'make one on the CA machine: daypass token host NAME'
    url=${members% *} fingerprint=${members##* }
}

pin() { # the X.509 root by its fingerprint, and in it the CA id
    curl -q -g -sS -k --retry 5 --proto =https --max-time 60 --max-filesize 65536 -o "$work/answer" "$url/root/$fingerprint" 2>"$work/said" ||
        die $UNAVAILABLE "the CA at $url can't be reached: $(printable <"$work/said")"
    printf '%b\n' "$(sed -n 's/.*"ca":"\(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\]*-----END CERTIFICATE-----\).*/\1/p' "$work/answer")" |
        sed '/^$/d' >"$work/roots.pem"
    sed '/^-----/d' "$work/roots.pem" | base64 -d >"$work/root.der" 2>/dev/null
    [ "$(sha256 <"$work/root.der")" = "$fingerprint" ] ||
        die $UNAUTHENTICATED "the CA at $url has another root than the one in the token" 'do not go on; ask the operator of the CA'
    ca_id=$(hex <"$work/root.der" | sed -n "s/.*$TRUST_ROOT_OID\\(0101ff\\)\\{0,1\\}0420\\([0-9a-f]\\{64\\}\\).*/\\2/p")
    [ -n "$ca_id" ] || die $INVALID "the CA's X.509 root names no trust root" 'this is no daypass CA'
}

enroll() {
    [ ! -e "${memory%/agent}/state.json" ] || die $CONFLICT 'daypass host looks after this machine' 'use it: daypass host enroll'
    for each in curl ssh-keygen ssh-keyscan sha256sum base64 awk od; do
        command -v $each >/dev/null || die $MISCONFIGURED "there is no $each here" 'install curl and openssh'
    done
    (umask 022 && mkdir -p "$ours/principals") && mkdir -p "$memory" || die $UNAVAILABLE "$ours can't be made"
    check_owned "$ours"
    check_owned "$memory"
    lock
    if [ -n "$cloud$port22" ]; then read_ca; else read_token; fi
    [ -z "$(remembered ca_id)" ] || known=yes
    look_at_sshd
    find_keys
    pin
    host_id='' name='' trust_version=0 bundle_version=0
    if [ -n "${known:-}" ]; then
        [ "$(remembered ca_id)" = "$ca_id" ] || die $CONFLICT "this machine is enrolled with another CA" "sh agent.sh leave"
        trust_version=$(remembered trust_version) bundle_version=$(remembered bundle_version)
    fi
    machine=$(machine_of)
    [ -z "$cloud" ] || word_of_cloud
    [ -z "$port22" ] || token=ssh1.$(now).$port22
    printf '%s\n' "$token" | grep -Eqx '[A-Za-z0-9._-]+' || die 2 "what name is $port22?"
    message=$(text daypass-possession-v1)00$(string "$ca_id")$(string "$(printf %s "$token" | sha256)")
    proofs=$(proven_keys "$message") || exit
    printf '{"token":"%s","name":"%s","bundle_version":%s,"keys":[%s]}' "$token" "$(own_name)" "$bundle_version" "$proofs" >"$work/request"
    again=5 # one who asks again with the same keys is given the same (trust 3.4)
    ask POST /v1/host/agent/enroll "$work/request"
    judge
    judge_certificates
    make_principals
    begin
    apply
    put_certificates
    configure
    reload
    prove || die $MISCONFIGURED 'sshd does not present its new certificate'
    keep
    undoing=''
    break_glass
    [ -n "$no_timer" ] || install_timer
    printf '%s is enrolled with %s\n' "$name" "$url"
    [ -n "$reloaded" ] || echo 'no running sshd was touched; the certificate counts when it next starts'
}

own_name() { # what a token of patterns is asked for
    { hostname -f 2>/dev/null || hostname 2>/dev/null || cat "$root/etc/hostname"; } | head -n 1 | tr '[:upper:]' '[:lower:]' |
        grep -E '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$'
}

put_certificates() {
    for each in "$work"/certificates/*; do
        put 644 "$ours/${each##*/}" <"$each" || die $UNAVAILABLE "$ours can't be written"
    done
}

sync_once() {
    look_at_machine
    shout
    cp "$memory/roots.pem" "$work/roots.pem"
    request >"$work/request"
    by_host=yes
    ask POST /v1/host/agent/sync "$work/request"
    judge
    make_principals
    apply
    keep
    break_glass
    [ -n "$force" ] || (renewal_is_due) || return 0
    renew
}

look_at_machine() {
    recall
    [ ! -e "${memory%/agent}/state.json" ] || die $CONFLICT 'daypass host looks after this machine now'  "take this agent's timer away: systemctl disable --now daypass-agent.timer, or rm /etc/cron.d/daypass-agent"
    require_own_machine
    check_owned "$ours"
    [ -n "$sshd_config" ] || sshd_config=$root/etc/ssh/sshd_config
    find_sshd
    find_place
    find_keys
}

request() { # api.HostSyncRequest
    printf '{"digest":"%s","bundle_version":%s,"trust_version":%s,"krl_digest":"%s","system_accounts":[%s],"accounts":[%s],"about":%s}' \
        "$digest" "$bundle_version" "$trust_version" "$(sha256 <"$ours/krl")" \
        "$(accounts system | as_list)" "$(accounts ordinary | as_list)" "$(about)"
}

as_list() {
    awk -v most=$MOST_NAMES '{ size += length($0) + 3; if (size <= most) printf "%s\"%s\"", sep, $0; sep = "," }'
}

about() { # api.HostSelf: it admits nobody anywhere
    openssh=$(ssh -V 2>&1 | cut -d, -f1 | tr -cd 'A-Za-z0-9._ -' | cut -c1-60)
    prints=$(while read -r key; do public_of "$key" >"$work/key.pub"; ssh-keygen -l -f "$work/key.pub" | cut -d' ' -f2; done <"$work/keys" | as_list)
    printf '{"agent":"agent.sh %s","openssh":"%s","machine":"%s","expires":%s,"since":%s,"break_glass":[%s],"keys":[%s]}' \
        $VERSION "$openssh" "$machine" "$(first_end)" "$heard" "$(glass_prints | as_list)" "$prints"
}

first_end() { # when the first of the certificates ends; 0 where one is missing
    first=''
    while read -r key; do
        TZ=UTC0 ssh-keygen -L -f "$(certificate_of "$key")" >"$work/shown" 2>/dev/null && times_of || { echo 0; return; }
        [ -n "$first" ] && [ "$first" -le "$before" ] || first=$before
    done <"$work/keys"
    echo "${first:-0}"
}

renewal_is_due() { # from two thirds of the time on, one in twelve times; from five sixths on each time
    # Thousands of servers that were made together would ask together.
    key=$(first_key) || return 1
    TZ=UTC0 ssh-keygen -L -f "$(certificate_of "$key")" >"$work/shown" 2>/dev/null && times_of || return 0
    lifetime=$((before - after)) left=$((before - $(now)))
    [ $((left * 6)) -gt "$lifetime" ] || return 0
    [ $((left * 3)) -le "$lifetime" ] && [ $(($(od -An -N1 -tu1 /dev/urandom) % 12)) -eq 0 ]
}

renew() { # the old certificates stand until sshd has shown the new ones
    blobs=$(while read -r key; do string "$(public_of "$key" | cut -d' ' -f2 | base64 -d | hex)"; done <"$work/keys")
    message=$(text daypass-renewal-v1)00$(string "$ca_id")$(string "$(text "$host_id")")
    message=$message$(string "$(unhex "$blobs" | sha256)")
    proofs=$(proven_keys "$message") || exit
    printf '{"keys":[%s],"bundle_version":%s}' "$proofs" "$bundle_version" >"$work/request"
    by_host=yes
    ask POST /v1/host/agent/renew "$work/request"
    judge
    judge_certificates
    begin
    put_certificates
    reload
    prove || die $MISCONFIGURED 'sshd does not present its new certificate'
    keep
    undoing=''
    say "$name has new certificates"
}

unheard() { # FILE: the CA can't be heard, or what it says does not hold; why stands in FILE
    [ ! -e "${memory%/agent}/state.json" ] || return 0 # daypass host hears it
    recall
    silent=$(($(now) - ${heard:-0}))
    if [ "${closed_after:-0}" -gt 0 ] && [ $silent -ge "$closed_after" ]; then
        close_doors && warn "nothing was heard of the CA for $silent seconds: nobody enters by certificate until it is"
    fi
    [ -n "$quiet" ] || return 0
    # The journal, louder as the end comes near; cron would mail every five minutes.
    [ -f "$work/keys" ] || : >"$work/keys"
    left=$(($(first_end) - $(now)))
    priority=warning
    [ $silent -lt $AWAY ] || priority=err
    [ $left -gt 259200 ] || priority=crit
    logger -t daypass-agent -p "auth.$priority" "$(tr '\n' ' ' <"$1" | printable); certificates end in $((left / 86400)) days" 2>/dev/null
}

close_doors() { # a KRL that revokes the user CA itself, never a missing file
    cp "$ours/user_ca.pub" "$work/user_ca.pub"
    rm -f "$work/krl"
    ssh-keygen -q -k -f "$work/krl" "$work/user_ca.pub" </dev/null >/dev/null 2>&1 && loads "$work/krl" &&
        (quiet=yes put 644 "$ours/krl" <"$work/krl")
}

show_status() {
    recall
    work=$memory/status.$$
    mkdir "$work" || die $UNAVAILABLE "$work can't be made"
    look_at_machine
    end=$(first_end) left=$(((end - $(now)) / 3600)) silent=$((($(now) - heard) / 60))
    [ $left -gt 0 ] || left=0
    printf '%s  (%s at %s)\ncertificates end in %s d %s h, the CA was heard %s min ago\n' \
        "$name" "$host_id" "$url" $((left / 24)) $((left % 24)) $silent
    [ "$end" -gt "$(now)" ] || die 1 'a certificate has expired or is missing' 'sh agent.sh renew, or enrol with a new token'
    # The last tenth, as host/worries.py has it: a renewal was due long ago.
    TZ=UTC0 ssh-keygen -L -f "$(certificate_of "$(first_key)")" >"$work/shown" && times_of
    [ $(((end - $(now)) * 10)) -gt $((before - after)) ] ||
        die 1 'certificates are about to end, and could not be renewed' 'sh agent.sh renew says why'
    [ $((silent * 60)) -lt $AWAY ] || die 1 'nothing was heard of the CA for more than a day' 'sh agent.sh sync'
}

leave() { # sshd first, then the files it no longer names
    recall
    look_at_machine
    begin
    if [ "$place" = "$sshd_config" ]; then without_glass | sed '/^# >>> daypass >>>$/,/^# <<< daypass <<<$/d' >"$work/candidate" && replace_config <"$work/candidate"; else rm -f "$place" "$(glass_file)"; fi
    "$sshd" -t -f "$sshd_config" 2>"$work/said" || die $MISCONFIGURED "sshd refuses its configuration: $(printable <"$work/said")"
    reload
    answers || die $MISCONFIGURED 'sshd does not answer any more'
    undoing=''
    remove_timer
    rm -rf "$ours" "$memory"
    work='' locked=''
    echo "$name has left; on the CA: daypass host remove $name"
}

# --- the timer ---------------------------------------------------------------------------------------------------

install_timer() { # systemd's, else cron's
    cp "$0" "$memory/agent.sh.daypass-new" && chmod 700 "$memory/agent.sh.daypass-new" &&
        mv -f "$memory/agent.sh.daypass-new" "$memory/agent.sh" || die $UNAVAILABLE "$memory/agent.sh can't be written"
    job="*/5 * * * * "
    command="/bin/sh $memory/agent.sh sync --quiet${root:+ --root $root}"
    if [ -d "$root/run/systemd/system" ]; then
        unit_file | put 644 "$units/daypass-agent.service"
        timer_file | put 644 "$units/daypass-agent.timer"
        [ -n "$root" ] || { systemctl daemon-reload && systemctl enable --now --quiet daypass-agent.timer; }
    elif [ -d "$root/etc/cron.d" ]; then
        printf '%sroot %s\n' "$job" "$command" | put 644 "$root/etc/cron.d/daypass-agent"
    elif [ -f "$root/etc/crontabs/root" ]; then
        { grep -v '/agent.sh sync --quiet' "$root/etc/crontabs/root"; printf '%s%s\n' "$job" "$command"; } | put 600 "$root/etc/crontabs/root"
    else
        warn "there is neither systemd nor cron: have this run every five minutes: $command"
    fi
}

unit_file() {
    cat <<END
# Written by agent.sh of daypass.
[Unit]
Description=Keep this server's certificates and access lists fresh (daypass)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=$command
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict
ReadWritePaths=/etc/ssh $memory
END
}

timer_file() {
    cat <<END
# Written by agent.sh of daypass.
[Unit]
Description=Every five minutes: daypass-agent.service

[Timer]
OnBootSec=1min
OnUnitActiveSec=5min
RandomizedDelaySec=1min

[Install]
WantedBy=timers.target
END
}

remove_timer() {
    if [ -z "$root" ] && [ -f "$units/daypass-agent.timer" ]; then
        systemctl disable --now --quiet daypass-agent.timer 2>/dev/null
    fi
    rm -f "$units/daypass-agent.service" "$units/daypass-agent.timer" "$root/etc/cron.d/daypass-agent"
    [ -n "$root" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
    if [ -f "$root/etc/crontabs/root" ]; then
        grep -v '/agent.sh sync --quiet' "$root/etc/crontabs/root" | put 600 "$root/etc/crontabs/root"
    fi
}

# --- the command line --------------------------------------------------------------------------------------------

sync() { # one that fails leaves everything as it was, and says so
    recall
    lock
    (
        trap '[ -z "$undoing" ] || roll_back' EXIT
        trap 'exit 143' INT TERM HUP
        sync_once
    ) 2>"$work/said.sync"
    result=$?
    [ -n "$quiet" ] || cat "$work/said.sync" >&2
    [ $result -eq 0 ] || unheard "$work/said.sync"
    exit $result
}

main() {
    command=${1:-help}
    [ $# -eq 0 ] || shift
    while [ $# -gt 0 ]; do
        case $1 in
            --quiet) quiet=yes ;;
            --no-reload) no_reload=yes ;;
            --no-timer) no_timer=yes ;;
            --root | --sshd-config | --token-file | --cloud | --port22 | --ca | --fingerprint)
                [ $# -gt 1 ] || die 2 "$1 what?"
                option=$(printf %s "${1#--}" | tr - _)
                eval "$option=\$2"
                shift
                ;;
            *) die 2 "what is $1?" 'sh agent.sh help' ;;
        esac
        shift
    done
    [ "$root" != / ] || root=''
    case $root in *[!A-Za-z0-9._/-]*) die 2 '--root must be a path of letters, digits and ._/-' ;; esac
    ours=$root/etc/ssh/daypass memory=$root/var/lib/daypass/agent settings_folder=$root/etc/daypass
    passwd=$root/etc/passwd units=$root/etc/systemd/system
    case $command in
        enroll | sync | renew | status | leave) [ "$(id -u)" -eq 0 ] || die $MISCONFIGURED 'this takes root' 'sudo sh agent.sh' ;;
    esac
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    case $command in
        enroll) [ -n "$sshd_config" ] || sshd_config=$root/etc/ssh/sshd_config; enroll ;;
        sync) sync ;;
        renew) force=yes; sync ;;
        status) show_status ;;
        leave) recall; lock; leave ;;
        version) echo "agent.sh $VERSION" ;;
        help | --help | -h) sed -n '2,/^set -u/s/^# \{0,1\}//p' "$0" | grep -v shellcheck ;;
        *) die 2 "what is $command?" 'sh agent.sh help' ;;
    esac
}

main "$@"
