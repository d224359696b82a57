from planners.model import Unit
from renderers.layout import Layout, is_object


def test_the_objects_of_a_unit_are_told_by_their_folder_alone() -> None:
    """A tenant, an application and a component may be named as that folder is."""
    layout, unit = Layout("apps", "apps"), Unit("apps", "eu-1")
    below = len("clusters/eu-1/")
    assert is_object(f"{layout.objects_folder(unit)}/deployment-apps.yaml"[below:])
    assert not is_object(f"{layout.sync_folder(unit.cluster)}/apps.yaml"[below:])
    assert not is_object(layout.rules_file(unit)[below:])
