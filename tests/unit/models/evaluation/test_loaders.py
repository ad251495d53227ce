"""Datasets from files: LibFM, CSV, Parquet, and the schemas that describe them."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from millstream.errors import ConfigurationError, DatasetError
from models.evaluation import loaders

CSV = """user,item,genres,price,liked,at,city
ann,7,a|b,1.5,5,30,
bob,8,b,2.5,3,10,Bonn
ann,8,,,4,20,Ulm
"""
COLUMNS = """
label = "liked"
positive_from = 4
time = "at"
group = "user"
[columns]
user = {side = "user"}
item = {side = "item"}
genres = {kind = "list", length = 3, side = "item"}
price = {kind = "float", normalise = "log"}
city = {}
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_a_csv_file_is_read_as_its_schema_says(write):
    write("clicks.csv", CSV)
    dataset = loaders.load(write("clicks.toml", 'files = ["clicks.csv"]' + COLUMNS))
    assert dataset.name == "clicks"
    assert_array_equal(dataset.labels, [1, 0, 1])
    assert_array_equal(dataset.times, [30, 10, 20])
    user, item, city = (dataset.columns[name] for name in ("user", "item", "city"))
    assert user[0] == user[2] != user[1]
    assert item[0] != item[1] == item[2]
    assert_array_equal(dataset.groups, user)
    assert city[0] == 0 and 0 not in city[1:]
    a_b, b, none = dataset.columns["genres"]
    assert b[0] == a_b[1] != a_b[0]
    assert_array_equal(none, [0, 0, 0])
    assert (a_b[2], b[1], b[2]) == (0, 0, 0)
    assert_allclose(dataset.columns["price"], [1.5, 2.5, 0.0])
    fields = {field.name: field for field in dataset.fields}
    assert (fields["price"].normalise, fields["genres"].length) == ("log", 3)
    assert (fields["item"].belongs_to, fields["city"].belongs_to) == ("item", None)


def test_the_time_watched_after_a_click_weighs_its_row(write):
    write("clicks.csv", CSV)
    schema = 'files = ["clicks.csv"]\nwatched = "price"\n'
    dataset = loaders.load(write("clicks.toml", schema + COLUMNS))
    assert dataset.weights is not None
    assert_allclose(dataset.weights, [1.5, 1.0, 0.0])  # the second was not clicked
    plain = loaders.load(write("plain.toml", 'files = ["clicks.csv"]' + COLUMNS))
    assert plain.weights is None
    assert plain.digest != dataset.digest
    write("rows.libfm", "1 1:1\n0 2:1\n")
    libfm = 'files = ["rows.libfm"]\nformat = "libfm"\nwatched = "w"\n[columns]\na = {}\n'
    with pytest.raises(ConfigurationError, match="`watched` must not be given for `format` libfm"):
        loaders.load(write("libfm.toml", libfm))


def test_parts_in_files_of_their_own_are_the_split(write):
    for name in ("train", "valid", "test"):
        write(f"{name}.csv", CSV)
    text = 'train = ["train.csv"]\nvalid = ["valid.csv"]\ntest = ["test.csv"]' + COLUMNS
    dataset = loaders.load(write("s.toml", text))
    assert_array_equal(dataset.parts, np.repeat([0, 1, 2], 3))
    assert_array_equal(dataset.columns["user"], np.tile(dataset.columns["user"][:3], 3))


def test_lists_of_a_table_share_the_numbers_of_their_ids(tmp_path, write):
    table = pa.table(
        {
            "item": [5, 6, 7],
            "recent": [[6, 5], [], [7, 7, 7, 5]],
            "ages": [[1.0, 2.0], None, [3.0, 4.0, 5.0]],
            "label": [1, 0, 1],
        }
    )
    pa.parquet.write_table(table, tmp_path / "rows.parquet")
    schema = """
    files = ["rows.parquet"]
    [columns]
    item = {}
    recent = {kind = "list", length = 3, shared_with = "item", times = "ages"}
    ages = {kind = "float", width = 3}
    """
    columns = loaders.load(write("s.toml", schema)).columns
    five, six, seven = columns["item"]
    assert_array_equal(columns["recent"], [[six, five, 0], [0, 0, 0], [seven, seven, seven]])
    assert_allclose(columns["ages"], [[1, 2, 0], [0, 0, 0], [3, 4, 5]])


def test_libfm_places_are_ids_and_floats(tmp_path, write):
    train = write("train.libfm", "1 0:1 9:1 20:0.5\n-1 3:1 8:1 20:2\n")
    test = tmp_path / "test.libfm.gz"
    test.write_bytes(gzip.compress(b"0 0:1 8:1 20:1.5\n"))
    dataset = loaders.load(f"libfm:{train},{test}")
    assert_array_equal(dataset.labels, [1, 0, 0])
    assert_array_equal(dataset.parts, [0, 0, 2])
    assert [field.dtype for field in dataset.fields] == ["id", "id", "float"]
    assert_array_equal(dataset.columns["f0"], [1, 4, 1])  # feature 0 is no padding
    assert_allclose(dataset.columns["f2"], [0.5, 2.0, 1.5])


def test_libfm_places_can_have_names_and_a_group(write):
    write("a.libfm", "1 0:1 9:1\n0 3:1 8:1\n")
    text = 'format = "libfm"\nfiles = ["a.libfm"]\ngroup = "user"\n[columns]\nuser = {}\nitem = {}'
    dataset = loaders.load(write("s.toml", text))
    assert [field.name for field in dataset.fields] == ["user", "item"]
    assert_array_equal(dataset.groups, [1, 4])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 0:1 2:1\n1 0:1\n", "must have the same number of features"),
        ("1 0:1\n1 2:0.5\n", "Place 0 of x.libfm must be an id"),
        ("1 a:1\n", "is not in the format of LibFM"),
    ],
)
def test_libfm_that_cannot_be_read_says_why(write, text, message):
    with pytest.raises(DatasetError, match=message):
        loaders.load(f"libfm:{write('x.libfm', text)}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('files = ["c.csv"]\n[columns]\nuser = {kind = "word"}', r"kind|\$\.columns"),
        ('files = ["c.csv"]\ncolour = 1\n[columns]\n', "colour"),
        ("[columns]\nuser = {}", "`files` must be given, or else `train` and `test`"),
        ('train = ["c.csv"]\n[columns]\nuser = {}', "`train` and `test` must both be given"),
        ("not toml", "Schema .*s.toml"),
    ],
)
def test_a_schema_that_cannot_be_is_refused_with_the_place(write, text, message):
    with pytest.raises(ConfigurationError, match=message):
        loaders.load(write("s.toml", text))


def test_missing_columns_and_files_are_named(write):
    write("clicks.csv", "user,liked\n1,5\n")
    with pytest.raises(DatasetError, match=r"must have the columns \['at', 'city', 'genres'"):
        loaders.load(write("s.toml", 'files = ["clicks.csv"]' + COLUMNS))
    with pytest.raises(DatasetError, match=r"none.csv cannot be read"):
        loaders.load(write("s.toml", 'files = ["none.csv"]' + COLUMNS))


def test_text_where_numbers_must_be_is_refused(write):
    write("clicks.csv", CSV.replace("2.5", "cheap"))
    with pytest.raises(DatasetError, match="Column 'price' must hold numbers"):
        loaders.load(write("s.toml", 'files = ["clicks.csv"]' + COLUMNS))


def test_a_name_that_is_no_dataset_is_told_what_there_is():
    with pytest.raises(ConfigurationError, match=r"`data` must be one of ml-100k.* 'netflix'"):
        loaders.load("netflix")
