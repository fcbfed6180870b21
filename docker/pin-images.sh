#!/bin/sh
# Writes the digest of each image behind its tag, in docker-compose.yaml and docker/Dockerfile, so that a tag that is moved
# later changes nothing. Needs Docker with BuildKit and the images' registry. Run it again after a change of a tag.
set -eu
cd "$(dirname "$0")/.."

outside='(postgres|redis|apache/airflow):[A-Za-z0-9._-]+'

# With the digest of an earlier run taken off, every mention is a tag again.
sed -E -i.tags "s#($outside)@sha256:[0-9a-f]+#\1#" docker-compose.yaml docker/Dockerfile
for image in $(grep -Eoh "(image: *|FROM )$outside" docker-compose.yaml docker/Dockerfile | sed 's/.* //' | sort -u); do
  digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$image")
  case $digest in sha256:*) ;; *) echo "pin-images.sh: no digest of $image: $digest" >&2; exit 1 ;; esac
  sed -E -i.tags "s#$image( |\$)#$image@$digest\1#" docker-compose.yaml docker/Dockerfile
  echo "$image@$digest"
done
rm -f docker-compose.yaml.tags docker/Dockerfile.tags
