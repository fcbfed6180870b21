#!/bin/sh
# Writes .env from .env.example with fresh secrets. Never touches a .env that is there.
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then
  echo ".env is there already; delete it first if its secrets may go." >&2
  exit 1
fi
umask 077
while IFS= read -r line; do
  case "$line" in
  AIRFLOW_FERNET_KEY=) line="$line$(openssl rand -base64 32 | tr '+/' '-_')" ;;
  POSTGRES_PASSWORD= | REDIS_PASSWORD= | AIRFLOW_*_SECRET=) line="$line$(openssl rand -hex 32)" ;;
  AIRFLOW_ADMIN_PASSWORD=) line="$line$(openssl rand -hex 12)" ;;
  esac
  printf '%s\n' "$line"
done <.env.example >.env.new
mv .env.new .env
echo "Wrote .env. The password of the user admin is AIRFLOW_ADMIN_PASSWORD in it."
