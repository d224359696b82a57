from tests.fakes.stores import empty_url, store, store_url

__all__ = ["empty_url", "store", "store_url"]
