# ---- Keys: what has to agree between nodes is told as checksums of a salt and the secret; the secret stays here. ----

readonly SSH_KEYS="$ROOT/etc/tungsten-ssh"
readonly ACCOUNTS=(replication-user replication-password application-user application-password)

# salted SALT: checksum of the salt, a line's end, and standard input.
salted() { { printf '%s\n' "$1" && cat; } | sha256sum | cut -d ' ' -f 1; }

# tell_file SALT KIND NAME FILE
tell_file() {
  local sum=absent
  if [[ -f $4 ]]; then
    [[ -r $4 ]] || fail 1 "$4 cannot be read"
    sum=$(salted "$1" <"$4")
  fi
  printf '%s\t%s\t%s\n' "$2" "$3" "$sum"
}

# tell_words SALT KIND WORD…: public keys, without their comments.
tell_words() {
  local salt=$1 kind=$2 word
  shift 2
  for word in "$@"; do printf '%s\t%s\t%s\n' "$kind" key "$(printf '%s' "$word" | salted "$salt")"; done
}

# public_of FILE: the key's own part of what belongs to a private key.
public_of() {
  local text
  text=$(ssh-keygen -y -P '' -f "$1" </dev/null) || fail 1 "${1##*/} is no key that ssh-keygen reads"
  cut -d ' ' -f 2 <<<"$text"
}

tell_ssh() {
  local salt=$1 words word
  if [[ -f $SSH_KEYS/id_ed25519 ]]; then
    word=$(public_of "$SSH_KEYS/id_ed25519") || exit 1
    tell_words "$salt" identity "$word"
  fi
  if [[ -f $SSH_KEYS/ssh_host_ed25519_key ]]; then
    word=$(public_of "$SSH_KEYS/ssh_host_ed25519_key") || exit 1
    tell_words "$salt" host "$word"
  fi
  for word in authorized_keys known_hosts; do
    [[ -f $SSH_KEYS/$word ]] || continue
    mapfile -t words < <(grep -oE 'ssh-[a-z0-9@.-]+ +AAAA[A-Za-z0-9+/=]+' "$SSH_KEYS/$word" | awk '{ print $2 }')
    tell_words "$salt" "${word%%_*}" "${words[@]}"
  done
}

# answer_fingerprints SALT: accounts of the mounted Secret, key stores that the ini names, those tpm made, ssh keys.
answer_fingerprints() {
  local name file
  for name in "${ACCOUNTS[@]}"; do tell_file "$1" account "$name" "$SECRETS/$name"; done
  if [[ -f $JOINED_INI ]]; then
    while IFS= read -r name; do
      tell_file "$1" store "$name" "$ROOT$name"
    done < <(sed -nE 's/^[ \t]*java[-_][a-z_-]*store[-_]path[ \t]*=[ \t]*(\/[^ \t]+)[ \t]*$/\1/p' "$JOINED_INI" | sort -u)
  fi
  for file in "$(home cluster)"/share/[jpt]* "$(home cluster)"/share/.[jpt]*; do
    [[ ! -f $file ]] || tell_file "$1" share "${file##*/}" "$file"
  done
  tell_ssh "$1"
}

