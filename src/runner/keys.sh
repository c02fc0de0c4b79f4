# ---- Keys: what has to agree between nodes is told as checksums of a salt and the secret; the secret stays here. ----

readonly SSH_KEYS="$ROOT/etc/tungsten-ssh"
readonly ACCOUNTS=(replication-user replication-password application-user application-password)

# ---- Key stores: made of the mounted certificate, in memory, whenever the ini is joined. ----

readonly CERTIFICATE=(tls.crt tls.key ca.crt)
readonly KEY_STORE="${JOINED_INI%/*}/keystore.jks" TRUST_STORE="${JOINED_INI%/*}/truststore.ts"
# Checksum over what the stores were made of.
readonly STORES_FROM="${JOINED_INI%/*}/stores-from"

certificate_checksum() {
  local name
  for name in "${CERTIFICATE[@]}"; do sha256_of "$SECRETS/$name" || return; done | sha256sum | cut -d ' ' -f 1
}

# stores_made: whether the stores lie there and were made of what is mounted now.
stores_made() { [[ -f $KEY_STORE && -f $TRUST_STORE && $(cat "$STORES_FROM" 2>/dev/null) == "$(certificate_checksum)" ]]; }

# make_stores: the certificate under the aliases that tpm looks for, and every authority. Passwords are read from files.
make_stores() {
  local folder from word="$SECRETS/java-keystore-password" alias part
  ! stores_made || return 0
  secret java-keystore-password >/dev/null && from=$(certificate_checksum) || fail 1 "the certificate is not mounted"
  folder=$(umask 077 && mktemp -d "${JOINED_INI%/*}/.stores.XXXXXX") || exit 1
  for alias in tls mysql; do
    openssl pkcs12 -export -in "$SECRETS/tls.crt" -inkey "$SECRETS/tls.key" -name "$alias" -passout "file:$word" -out "$folder/$alias.p12" &&
      keytool -importkeystore -noprompt -srckeystore "$folder/$alias.p12" -srcstoretype PKCS12 -srcstorepass:file "$word" \
        -destkeystore "$folder/keystore" -deststoretype JKS -deststorepass:file "$word" || { rm -rf "$folder"; fail 1 "the certificate and its key make no key store"; }
  done
  awk -v folder="$folder" '/-----BEGIN/ { count++ } count { print >(folder "/ca-" count ".pem") }' "$SECRETS/ca.crt"
  for part in "$folder"/ca-*.pem; do
    keytool -importcert -noprompt -alias "$(basename "$part" .pem)" -file "$part" -keystore "$folder/truststore" -storetype JKS \
      -storepass:file "$word" || { rm -rf "$folder"; fail 1 "the authority makes no trust store"; }
  done
  put "$KEY_STORE" <"$folder/keystore" && put "$TRUST_STORE" <"$folder/truststore" && printf '%s\n' "$from" | put "$STORES_FROM" || exit 1
  rm -rf "$folder"
}

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

# tell_store SALT NAME: of a store that was made here what it was made of: no two runs of keytool write the same bytes.
tell_store() {
  if [[ $ROOT$2 == @("$KEY_STORE"|"$TRUST_STORE") ]] && stores_made; then
    printf 'store\t%s\t%s\n' "$2" "$(salted "$1" <"$STORES_FROM")"
  else
    tell_file "$1" store "$2" "$ROOT$2"
  fi
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
      tell_store "$1" "$name"
    done < <(sed -nE 's/^[ \t]*java[-_][a-z_-]*store[-_]path[ \t]*=[ \t]*(\/[^ \t]+)[ \t]*$/\1/p' "$JOINED_INI" | sort -u)
  fi
  for file in "$(home cluster)"/share/[jpt]* "$(home cluster)"/share/.[jpt]*; do
    [[ ! -f $file ]] || tell_file "$1" share "${file##*/}" "$file"
  done
  tell_ssh "$1"
}

