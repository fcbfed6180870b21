#!/usr/bin/env bash
# Prepares the database. Runs to its end before Airflow starts, at every `docker compose up`; running again is harmless.
set -euo pipefail
umask 077  # what a run keeps is for the user of the containers alone
here=$(dirname "$0")

case "${CLAUDE_API:-}" in
simulator)
  export CLAUDE_HOST=http://simulator:8765 CLAUDE_KEY=key-of-the-simulator
  ;;
real)
  export CLAUDE_HOST='' CLAUDE_KEY="${ANTHROPIC_API_KEY:?CLAUDE_API=real needs ANTHROPIC_API_KEY in .env}"
  ;;
*)
  echo "CLAUDE_API is '${CLAUDE_API:-}'; it must be simulator or real." >&2
  exit 1
  ;;
esac

# An object store is not reached from here: this step has no way out. A folder of the host must belong to the user of the containers.
if [[ ${AIRFLOW__CLAUDE__ROOT:?} == *://* ]]; then
  echo "Check the store before the first night: docker compose exec worker claude-batch check"
elif ! mkdir -p "${AIRFLOW__CLAUDE__ROOT:?}"/{mail,work,answers}; then
  echo "CLAUDE_DATA must be writable for user $(id -u): chown -R $(id -u):0 <folder>" >&2
  exit 1
fi

airflow db migrate

# The key goes through a file only this user reads: arguments are seen by every process of the machine.
connections=$(mktemp --suffix=.json)
trap 'rm -f "$connections"' EXIT
python - >"$connections" <<'PYTHON'
import json, os

host, key = os.environ["CLAUDE_HOST"], os.environ["CLAUDE_KEY"]
connection = {"conn_type": "anthropic", "password": key, **({"host": host} if host else {})}
print(json.dumps({"anthropic_default": connection}))
PYTHON
airflow connections import --overwrite "$connections"

airflow pools set claude "${CLAUDE_POOL_SLOTS:-8}" 'For DAGs that say pool="claude". Waiting for a batch takes no slot.'
airflow pools set claude_sync 1 'For [claude] sync_pool: one sync lane at a time, over all machines.'

# Neither of the two changes what is there already.
airflow roles import "$here/roles.json"
airflow users create --username admin --role Admin --password "${AIRFLOW_ADMIN_PASSWORD:?}" \
  --firstname Airflow --lastname Admin --email admin@localhost

echo "Ready: Claude's API is the ${CLAUDE_API} one, data in ${AIRFLOW__CLAUDE__ROOT}."
