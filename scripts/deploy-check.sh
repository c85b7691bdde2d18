#!/usr/bin/env bash
# deploy-check.sh
#
# Checks the examples in deploy/ as far as that goes without a cluster: the systemd units
# by systemd-analyze, the CronJob by the schema of Kubernetes (kubernetes-validate), the
# DAG by Airflow itself where FLATWATT_AIRFLOW names its python, else by compiling it.
# Packages go into a virtual environment under the user's cache.
set -euo pipefail
cd "$(dirname "$0")/../deploy"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The program need not be installed here.
sed 's#/usr/bin/flatwatt#/bin/true#' systemd/flatwatt-rescore.service >"$work/flatwatt-rescore.service"
cp systemd/flatwatt-rescore.timer "$work"
systemd-analyze verify "$work"/flatwatt-rescore.{service,timer}
systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' systemd/flatwatt-rescore.timer)"

venv=${FLATWATT_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/flatwatt/deploy-check}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install -q kubernetes-validate==1.37.0
"$venv/bin/kubernetes-validate" --strict -k 1.31 kubernetes/rescore-cronjob.yaml

python3 -m py_compile airflow/flatwatt_rescore.py && rm -rf airflow/__pycache__
if [ -n "${FLATWATT_AIRFLOW:-}" ]; then
	AIRFLOW_HOME="$work/airflow" AIRFLOW__CORE__LOAD_EXAMPLES=False "$FLATWATT_AIRFLOW" - <<'PY'
import sys
sys.path.insert(0, "airflow")
from flatwatt_rescore import dag
assert [t.task_id for t in dag.topological_sort()] == ["verify", "rescore", "diff"], dag.tasks
print("Airflow:", dag.dag_id, [t.task_id for t in dag.topological_sort()])
PY
fi
