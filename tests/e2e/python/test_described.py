"""The admin API against its own description, which it serves: schemathesis makes up what to ask by it. No answer may be
an error of the gateway's, and each must be one that the description has. All of it comes from a seed."""

import os
import subprocess
import sys
import tempfile
import unittest

WORKER = os.environ["CAUSEWAY_URL"]
TOKEN = "e2e-admin"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


class TestDescription(unittest.TestCase):
    def test_no_answer_is_an_error_of_the_gateways_or_not_described(self):
        command = [
            os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", f"{WORKER}/admin/v1/openapi.json",
            "--url", f"{WORKER}/admin/v1", "--header", f"Authorization: Bearer {TOKEN}",
            "--phases", "examples,coverage,fuzzing", "--checks", CHECKS, "--max-examples", "12", "--max-time", "60", "--seed", "7",
            "--no-shrink", "--warnings", "off", "--request-timeout", "20",
        ]
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        self.assertEqual(run.returncode, 0, run.stdout[-8000:] + run.stderr[-2000:])
