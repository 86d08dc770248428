from tests.addresses.conftest import clouds_of, place, watch

__all__ = ["clouds_of", "place", "watch"]
