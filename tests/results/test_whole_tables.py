"""Tables of two runs, byte by byte: points, packs, lost seeds, rows of whole points, code."""

import json

import pytest

from isotrope.errors import UserError
from isotrope.files import json_files
from isotrope.results.tables import CollectedPack, collect

ONE, TWO = "cnn/digits/one", "cnn/digits/two"
HEAD = "evaluation,run,point,seed,angle,padding,metric,value,n\n"


def seed(number, status="done", **more):
    return {
        "seed": number,
        "status": status,
        "epochs": 8,
        "best_epoch": None if status == "diverged" else 7,
        "best_validation_accuracy": None if status == "diverged" else 0.1 + 0.2,
        "seconds": 3.0,
        "seconds_per_epoch_last": 1.5,
        "seconds_per_epoch_mean": 1.25,
        "peak_memory_mb": 300.0,
        "device": "cpu",
        **more,
    }


def pack(folder, run, point, seeds, text, **more):
    place = folder / run / point / str(seeds[0]["seed"])
    place.mkdir(parents=True)
    said = {"settings": {}, "training_digest": "1234abcd", "seeds": seeds}
    said |= {"classes": 10, "parameters": 4321}
    (place / "run.json").write_text(json.dumps(json_files.sealed(said)))
    (place / "results.csv").write_text(HEAD + text)
    fields = {
        "study": "scale",
        "series": "own",
        "label": "Plain, small",
        "source": "embedded",
        "model": "cnn",
        "dataset": "digits",
        "parameters": {"training.epochs": 8, "model.bias": False, "model.dropout": None},
        "seeds": tuple(one["seed"] for one in seeds),
        "training_digest": "1234abcd",
        "evaluations": ("rotation", "accuracy", "whole"),
        "of_run": frozenset({"whole"}),
    }
    return CollectedPack(run=run, point=point, pack=place, **(fields | more))


@pytest.fixture
def packs(tmp_path):
    """Two packs of one point, one of another, and one of another run of which a seed is lost."""
    whole = tmp_path / "whole.csv"
    at = f"whole,{ONE},x=1"
    whole.write_text(f"{HEAD}{at},,,,spread,0.5,9\n{at},,,,mean,0.25,9\n")
    of_whole = {"files": {"whole": whole}}
    one = f"{ONE},x=1"
    return [
        pack(
            tmp_path,
            ONE,
            "x=1",
            [seed(10), seed(11, "diverged")],
            f"accuracy,{one},10,,,accuracy,0.30000000000000004,50\n"
            f"rotation,{one},10,90,,accuracy,0.5,50\nrotation,{one},10,15,,accuracy,1,50\n",
            codes={10: "changed"},
            codes_of_rows={"rotation": {"10": "kept"}, "whole": {"": "changed"}},
            **of_whole,
        ),
        pack(
            tmp_path,
            ONE,
            "x=1",
            [seed(2, "collapsed", origin="imported"), seed(3)],
            f"rotation,{one},2,15,,accuracy,0.25,50\nrotation,{one},2,90,,accuracy,0.125,50\n"
            f"rotation,{one},3,15,,accuracy,0.25,50\naccuracy,{one},2,,,accuracy,0.75,050\n"
            f"accuracy,{one},3,,,accuracy,nan,50\n",
            without={"rotation": frozenset({3})},
            codes_of_rows={"whole": {"": "changed"}},
            **of_whole,
        ),
        pack(
            tmp_path,
            TWO,
            "base",
            [seed(1, best_validation_loss=2.5)],
            f"rotation,{TWO},base,1,0,zero,accuracy,1.0,50\nrotation,{TWO},base,1,,,mean,1.0,50\n",
            evaluations=("rotation",),
            of_run=frozenset(),
            parameters={"model.depth": 3},
            series="demo",
            source="",
            lost=(4,),
        ),
    ]


RUNS = f"""\
run,point,seed,study,series,label,source,model,dataset,status,origin,epochs,best_epoch,\
best_validation_accuracy,seconds_per_epoch_last,seconds_per_epoch_mean,peak_memory_mb,device,\
training_digest,classes,parameters,validation_score,best_validation_score,code,model.bias,\
model.depth,model.dropout,training.epochs
{ONE},x=1,2,scale,own,"Plain, small",embedded,cnn,digits,collapsed,imported,8,7,\
0.30000000000000004,1.5,1.25,300.0,cpu,1234abcd,10,4321,accuracy,0.30000000000000004,,false,,,8
{ONE},x=1,3,scale,own,"Plain, small",embedded,cnn,digits,done,trained,8,7,\
0.30000000000000004,1.5,1.25,300.0,cpu,1234abcd,10,4321,accuracy,0.30000000000000004,,false,,,8
{ONE},x=1,10,scale,own,"Plain, small",embedded,cnn,digits,done,trained,8,7,\
0.30000000000000004,1.5,1.25,300.0,cpu,1234abcd,10,4321,accuracy,0.30000000000000004,\
changed,false,,,8
{ONE},x=1,11,scale,own,"Plain, small",embedded,cnn,digits,diverged,trained,8,,\
,1.5,1.25,300.0,cpu,1234abcd,10,4321,,,,false,,,8
{TWO},base,1,scale,demo,"Plain, small",,cnn,digits,done,trained,8,7,\
0.30000000000000004,1.5,1.25,300.0,cpu,1234abcd,10,4321,accuracy,0.30000000000000004,,,3,,
{TWO},base,4,scale,demo,"Plain, small",,cnn,digits,left out,,,,,,,,,1234abcd,,,,,,,3,,
"""
ACCURACY = f"""\
run,point,seed,metric,value,n,code
{ONE},x=1,2,accuracy,0.75,50,
{ONE},x=1,3,accuracy,nan,50,
{ONE},x=1,10,accuracy,0.30000000000000004,50,
"""
ROTATION = f"""\
run,point,seed,angle,padding,metric,value,n,code
{ONE},x=1,2,15,,accuracy,0.25,50,
{ONE},x=1,2,90,,accuracy,0.125,50,
{ONE},x=1,10,15,,accuracy,1.0,50,kept
{ONE},x=1,10,90,,accuracy,0.5,50,kept
{TWO},base,1,0,zero,accuracy,1.0,50,
{TWO},base,1,,,mean,1.0,50,
"""
WHOLE = f"""\
run,point,seed,metric,value,n,code
{ONE},x=1,,mean,0.25,9,changed
{ONE},x=1,,spread,0.5,9,changed
"""


def test_all_tables_are_written_sorted_by_what_is_no_measurement(packs, tmp_path):
    folder = tmp_path / "tables"
    expected = {"runs": RUNS, "accuracy": ACCURACY, "rotation": ROTATION, "whole": WHOLE}
    for given in (packs, packs[::-1]):
        written = collect("scale", given, folder)
        assert written == [folder / f"{name}.csv" for name in expected]
        for name, text in expected.items():
            assert (folder / f"{name}.csv").read_text() == text, name
    for name, text in expected.items():
        alone = tmp_path / f"alone-{name}"
        assert collect("scale", packs, alone, name) == [alone / f"{name}.csv"]
        assert (alone / f"{name}.csv").read_text() == text


def test_a_seed_with_fewer_or_other_rows_than_the_rest_of_its_pack_is_named(packs, tmp_path):
    one = f"{ONE},x=1"
    path = packs[1].pack / "results.csv"
    text = path.read_text()
    path.write_text(text.replace(f"rotation,{one},2,90,", f"rotation,{one},2,15,"))
    with pytest.raises(UserError, match=r"seed 2 has 2 rows of rotation, not 1; delete it and run"):
        collect("scale", packs, tmp_path / "tables", "rotation")
    path.write_text("".join(line for line in text.splitlines(True) if "rotation" not in line))
    with pytest.raises(UserError, match=r"seed 2 has 0 rows of rotation, not any; delete it"):
        collect("scale", packs, tmp_path / "tables", "rotation")
    assert not (tmp_path / "tables").exists()
