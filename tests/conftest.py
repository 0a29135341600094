"""Settings of the whole suite."""

import os

from hypothesis import HealthCheck, settings

_common = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
}
settings.register_profile("quick", max_examples=15, derandomize=True, **_common)
settings.register_profile("default", max_examples=50, **_common)
settings.register_profile("long", max_examples=1000, **_common)
settings.load_profile(os.environ.get("SANDERLING_TEST_PROFILE", "default"))
