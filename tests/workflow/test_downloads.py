"""What is planned where a data set has to be downloaded first."""

PARAM_FILE = "param-files/standard/stir_emoji/fetched.yaml"
PINNED = """\
zenodo: 1
version: 2
files:
  emoji.npz: {size: 5, md5: 0123456789abcdef0123456789abcdef, urls: ["http://127.0.0.1:1/a"]}
"""


def test_a_download_waits_for_its_checksum_comes_before_its_data_set_and_is_checked(empty_project):
    empty_project.add("standard/stir_emoji/fetched")
    data = "{name: stir, task: emoji, source: download, scenario: all2all}"
    empty_project.edit(PARAM_FILE, "{name: stripes, size: 12}", data)
    empty_project.edit(PARAM_FILE, "{name: tiny, channels: 4}", "{name: standard}")
    unpinned = "zenodo: 1\nfiles: {}\n"
    sources = empty_project.path("workflow/sources/stir.yaml")
    sources.write_text(unpinned)

    output = empty_project.make("-n", "datasets")
    assert "1 run waits for data: the checksum of emoji.npz (run `isotrope pin stir`)" in output

    sources.write_text(PINNED)
    planned = empty_project.planned("datasets")
    assert planned == {"download": 1, "build_dataset": 1, "datasets": 1}

    done = empty_project.snakemake("datasets")  # nothing answers at that address
    assert done.returncode == 1
    log = empty_project.path("out/downloads/stir/emoji.npz.log").read_text()
    assert log.startswith("out/downloads/stir/emoji.npz: could not be downloaded")
    assert "put the file there by hand: 5 bytes, md5 0123456789abcdef" in log
    assert "Traceback" not in log

    path = empty_project.path("out/downloads/stir/emoji.npz")
    path.write_bytes(b"12345")  # by hand

    assert empty_project.planned("datasets") == {"build_dataset": 1, "datasets": 1}
    built = empty_project.run("isotrope", "build", "stir", "task=emoji", "source=download")
    assert built.returncode == 2
    assert "out/downloads/stir/emoji.npz: cut short or altered: its md5 is" in built.stdout
