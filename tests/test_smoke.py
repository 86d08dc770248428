import pytest
from django.db import connection

@pytest.mark.django_db
def test_smoke():
    from apps.networks.models import Tier
    assert Tier.unscoped.count() == 0
