import subprocess

from isotrope.processes.provenance import git_commit


def git(*words):
    named = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *named, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_only_changed_code_makes_a_commit_dirty(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert git_commit() is None, "no repository yet"
    git("init", "-q")
    assert git_commit() is None, "no commit yet"
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("one = 1\n")
    (tmp_path / "param-files").mkdir()
    (tmp_path / "param-files" / "known.yaml").write_text("seeds: 1\n")
    git("add", ".")
    git("commit", "-q", "-m", "Begin")
    commit = git("rev-parse", "HEAD")

    (tmp_path / "param-files" / "known.yaml").write_text("seeds: 2\n")
    (tmp_path / "param-files" / "mine.yaml").write_text("seeds: 1\n")
    assert git_commit() == commit

    (tmp_path / "src" / "plugin.py").write_text("two = 2\n")
    assert git_commit() == f"{commit}-dirty", "a new plug-in is code"
    (tmp_path / "src" / "plugin.py").unlink()
    assert git_commit() == commit
    (tmp_path / "plugins" / "models").mkdir(parents=True)
    (tmp_path / "plugins" / "models" / "mine.py").write_text("three = 3\n")
    assert git_commit() == f"{commit}-dirty", "one of the user's, too"


def test_a_machine_without_git_has_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_commit() is None
