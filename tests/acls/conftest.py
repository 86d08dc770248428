from tests.networks.conftest import clouds_of, watch

__all__ = ["clouds_of", "watch"]
