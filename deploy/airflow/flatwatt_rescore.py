"""Scores again what came late, each night, and compares it with what is live.

Airflow 2.4 and newer. The worker needs the program flatwatt in its PATH and, in the
connection's or worker's environment, FLATWATT_ARCHIVE_URL, FLATWATT_FLEET and for an S3
store AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.

A task that is killed and retried goes on with the same run. Promoting is left to a person.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow import DAG

try:  # Airflow 3
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:  # Airflow 2
    from airflow.operators.bash import BashOperator

with DAG(
    dag_id="flatwatt_rescore",
    description="Score again what came late",
    schedule="30 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,  # one run makes up for all nights that were missed
    max_active_runs=1,
    default_args={
        "retries": 3,
        "retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=6),
    },
    tags=["flatwatt"],
) as dag:
    verify = BashOperator(
        task_id="verify",
        bash_command="flatwatt archive verify",
        append_env=True,
    )
    rescore = BashOperator(
        task_id="rescore",
        bash_command="flatwatt rescore --late-since last --max-rate 2000000",
        append_env=True,
        do_xcom_push=True,  # the last line is the run's id; none if nothing came late
    )
    diff = BashOperator(
        task_id="diff",
        bash_command=(
            "run='{{ ti.xcom_pull(task_ids=\"rescore\") or \"\" }}'; "
            'if [ -z "$run" ]; then echo "nothing came late"; '
            'else flatwatt rescore diff live "$run"; fi'
        ),
        append_env=True,
    )
    verify >> rescore >> diff
