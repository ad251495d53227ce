"""Every model by name. To add one: its file, and a line here.

Reading the catalogue loads no framework; a builder is imported when it is asked for.
"""

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from millstream.errors import ConfigurationError
from models.entry import Entry
from models.fields import Field
from models.rows import RowInit

CATALOGUE: tuple[Entry, ...] = (
    Entry(
        "lr",
        "linear",
        "ranking",
        "McMahan et al., KDD 2013, https://doi.org/10.1145/2487575.2488200",
        "models.ranking.lr:lr",
        optimisers={"linear.": "ftrl"},
        learns_pairs=False,
    ),
    Entry(
        "fm",
        "factorisation",
        "ranking",
        "Rendle, ICDM 2010, https://doi.org/10.1109/ICDM.2010.127",
        "models.ranking.fm:fm",
        l2=1e-5,
    ),
    Entry(
        "ffm",
        "factorisation",
        "ranking",
        "Juan et al., RecSys 2016, https://doi.org/10.1145/2959100.2959134",
        "models.ranking.ffm:ffm",
        l2=1e-5,
    ),
    Entry(
        "fwfm",
        "factorisation",
        "ranking",
        "Pan et al., WWW 2018, https://arxiv.org/abs/1806.03514",
        "models.ranking.fwfm:fwfm",
        l2=1e-5,
    ),
    Entry(
        "fefm",
        "factorisation",
        "ranking",
        "Pande, 2020, https://arxiv.org/abs/2009.09931",
        "models.ranking.fefm:fefm",
        l2=1e-5,
    ),
    Entry(
        "deepfefm",
        "factorisation",
        "ranking",
        "Pande, 2020, https://arxiv.org/abs/2009.09931",
        "models.ranking.fefm:deepfefm",
    ),
    Entry(
        "gwpfm",
        "factorisation",
        "ranking",
        "Pan et al., KDD 2024, https://arxiv.org/abs/2403.00793",
        "models.ranking.gwpfm:gwpfm",
    ),
    Entry(
        "fnn",
        "factorisation",
        "ranking",
        "Zhang, Du & Wang, ECIR 2016, https://arxiv.org/abs/1601.02376",
        "models.ranking.fnn:fnn",
        learning_rate=3e-3,
        l2=1e-5,
        initialize_from={"fm": "models.ranking.fnn:copy_fm"},
    ),
    Entry(
        "nfm",
        "factorisation",
        "ranking",
        "He & Chua, SIGIR 2017, https://arxiv.org/abs/1708.05027",
        "models.ranking.nfm:nfm",
        l2=1e-5,
    ),
    Entry(
        "afm",
        "factorisation",
        "ranking",
        "Xiao et al., IJCAI 2017, https://arxiv.org/abs/1708.04617",
        "models.ranking.afm:afm",
        l2=1e-5,
    ),
    Entry(
        "deepfm",
        "factorisation",
        "ranking",
        "Guo et al., IJCAI 2017, https://arxiv.org/abs/1703.04247",
        "models.ranking.deepfm:deepfm",
    ),
    Entry(
        "xdeepfm",
        "factorisation",
        "ranking",
        "Lian et al., KDD 2018, https://arxiv.org/abs/1803.05170",
        "models.ranking.xdeepfm:xdeepfm",
    ),
    Entry(
        "wide_deep",
        "deep",
        "ranking",
        "Cheng et al., DLRS 2016, https://arxiv.org/abs/1606.07792",
        "models.ranking.wide_deep:wide_deep",
        optimisers={"linear.": "ftrl"},
    ),
    Entry(
        "deep_crossing",
        "deep",
        "ranking",
        "Shan et al., KDD 2016, https://doi.org/10.1145/2939672.2939704",
        "models.ranking.deep_crossing:deep_crossing",
        learning_rate=3e-3,
    ),
    Entry(
        "ipnn",
        "product network",
        "ranking",
        "Qu et al., ICDM 2016, https://arxiv.org/abs/1611.00144",
        "models.ranking.pnn:pnn",
        options={"product": "inner"},
    ),
    Entry(
        "opnn",
        "product network",
        "ranking",
        "Qu et al., ICDM 2016, https://arxiv.org/abs/1611.00144",
        "models.ranking.pnn:pnn",
        options={"product": "outer"},
    ),
    Entry(
        "kpnn",
        "product network",
        "ranking",
        "Qu et al., TOIS 2018, https://arxiv.org/abs/1807.00311",
        "models.ranking.pnn:pnn",
        options={"product": "kernel"},
    ),
    Entry(
        "pin",
        "product network",
        "ranking",
        "Qu et al., TOIS 2018, https://arxiv.org/abs/1807.00311",
        "models.ranking.pnn:pnn",
        options={"product": "micro"},
    ),
    Entry(
        "dcn",
        "cross network",
        "ranking",
        "Wang et al., ADKDD 2017, https://arxiv.org/abs/1708.05123",
        "models.ranking.dcn:dcn",
    ),
    Entry(
        "dcn_v2",
        "cross network",
        "ranking",
        "Wang et al., WWW 2021, https://arxiv.org/abs/2008.13535",
        "models.ranking.dcn_v2:dcn_v2",
    ),
    Entry(
        "dcn_v2_mix",
        "cross network",
        "ranking",
        "Wang et al., WWW 2021, https://arxiv.org/abs/2008.13535",
        "models.ranking.dcn_v2:dcn_v2",
        options={"experts": 4, "rank": 16},
    ),
    Entry(
        "autoint",
        "attention",
        "ranking",
        "Song et al., CIKM 2019, https://arxiv.org/abs/1810.11921",
        "models.ranking.autoint:autoint",
        l2=1e-4,
    ),
    Entry(
        "autoint_plus",
        "attention",
        "ranking",
        "Song et al., CIKM 2019, https://arxiv.org/abs/1810.11921",
        "models.ranking.autoint:autoint",
        options={"hidden": (256, 128)},
    ),
    Entry(
        "dlrm",
        "product network",
        "ranking",
        "Naumov et al., 2019, https://arxiv.org/abs/1906.00091",
        "models.ranking.dlrm:dlrm",
    ),
    Entry(
        "fibinet",
        "attention",
        "ranking",
        "Huang, Zhang & Zhang, RecSys 2019, https://arxiv.org/abs/1905.09433",
        "models.ranking.fibinet:fibinet",
        row_init=RowInit(scale=0.3),
    ),
    Entry(
        "fibinet_pp",
        "attention",
        "ranking",
        "Zhang & Zhang, CIKM 2023, https://arxiv.org/abs/2209.05016",
        "models.ranking.fibinet_pp:fibinet_pp",
    ),
    Entry(
        "masknet_serial",
        "gating",
        "ranking",
        "Wang, She & Zhang, DLP-KDD 2021, https://arxiv.org/abs/2102.07619",
        "models.ranking.masknet:masknet",
        options={"structure": "serial"},
        learning_rate=3e-3,
    ),
    Entry(
        "masknet_parallel",
        "gating",
        "ranking",
        "Wang, She & Zhang, DLP-KDD 2021, https://arxiv.org/abs/2102.07619",
        "models.ranking.masknet:masknet",
        options={"structure": "parallel"},
    ),
    Entry(
        "contextnet_pffn",
        "gating",
        "ranking",
        "Wang et al., 2021, https://arxiv.org/abs/2107.12025",
        "models.ranking.contextnet:contextnet",
        options={"block": "pffn"},
    ),
    Entry(
        "contextnet_sffn",
        "gating",
        "ranking",
        "Wang et al., 2021, https://arxiv.org/abs/2107.12025",
        "models.ranking.contextnet:contextnet",
        options={"block": "sffn"},
    ),
    Entry(
        "dual_mlp",
        "two streams",
        "ranking",
        "Mao et al., AAAI 2023, https://arxiv.org/abs/2304.00902",
        "models.ranking.final_mlp:dual_mlp",
    ),
    Entry(
        "final_mlp",
        "two streams",
        "ranking",
        "Mao et al., AAAI 2023, https://arxiv.org/abs/2304.00902",
        "models.ranking.final_mlp:final_mlp",
    ),
    Entry(
        "hmoe",
        "experts",
        "ranking",
        "Pan et al., KDD 2024, https://arxiv.org/abs/2403.00793",
        "models.ranking.hmoe:hmoe",
    ),
    Entry(
        "adaf2m2",
        "gating",
        "ranking",
        "Zhu et al., DASFAA 2025, https://arxiv.org/abs/2501.15816",
        "models.ranking.adaf2m2:adaf2m2",
    ),
    Entry(
        "din",
        "behaviour sequence",
        "ranking",
        "Zhou et al., KDD 2018, https://arxiv.org/abs/1706.06978",
        "models.ranking.din:din",
    ),
    Entry(
        "dien",
        "behaviour sequence",
        "ranking",
        "Zhou et al., AAAI 2019, https://arxiv.org/abs/1809.03672",
        "models.ranking.dien:dien",
    ),
    Entry(
        "dsin",
        "behaviour sequence",
        "ranking",
        "Feng et al., IJCAI 2019, https://arxiv.org/abs/1905.06482",
        "models.ranking.dsin:dsin",
    ),
    Entry(
        "tin",
        "behaviour sequence",
        "ranking",
        "Zhou et al., WWW 2024, https://arxiv.org/abs/2308.08487",
        "models.ranking.tin:tin",
    ),
    Entry(
        "youtube_ranker",
        "deep",
        "ranking",
        "Covington, Adams & Sargin, RecSys 2016, https://doi.org/10.1145/2959100.2959190",
        "models.ranking.youtube_ranker:youtube_ranker",
    ),
    Entry(
        "xgboost",
        "trees",
        "ranking",
        "Chen & Guestrin, KDD 2016, https://arxiv.org/abs/1603.02754",
        "models.trees.boosted:xgboost",
        learns_online=False,
    ),
    Entry(
        "gbdt_lr",
        "trees",
        "ranking",
        "He et al., ADKDD 2014, https://doi.org/10.1145/2648584.2648589",
        "models.trees.gbdt_lr:gbdt_lr",
        learns_online=False,
    ),
    Entry(
        "lambdamart",
        "trees",
        "ranking",
        "Burges, 2010, https://www.microsoft.com/en-us/research/publication/"
        "from-ranknet-to-lambdarank-to-lambdamart-an-overview/",
        "models.trees.lambdamart:lambdamart",
        learns_online=False,
        needs_groups=True,
    ),
    Entry(
        "two_tower",
        "two towers",
        "retrieval",
        "Yi et al., RecSys 2019, https://doi.org/10.1145/3298689.3346996",
        "models.retrieval.two_tower:two_tower",
    ),
    Entry(
        "dynamic_autoencoder",
        "autoencoder",
        "autoencoder",
        "Moussawi, 2018, https://arxiv.org/abs/1809.00999",
        "models.autoencoders.dynamic_autoencoder:dynamic_autoencoder",
        learns_online=False,
    ),
    Entry(
        "mult_dae",
        "autoencoder",
        "autoencoder",
        "Liang et al., WWW 2018, https://arxiv.org/abs/1802.05814",
        "models.autoencoders.mult_vae:mult_dae",
        learns_online=False,
    ),
    Entry(
        "mult_vae",
        "autoencoder",
        "autoencoder",
        "Liang et al., WWW 2018, https://arxiv.org/abs/1802.05814",
        "models.autoencoders.mult_vae:mult_vae",
        learns_online=False,
    ),
    Entry(
        "minibatch_mf",
        "factorisation",
        "autoencoder",
        "Moussawi, 2018, https://arxiv.org/abs/1809.00999",
        "models.autoencoders.minibatch_mf:minibatch_mf",
        learns_online=False,
    ),
    Entry(
        "shared_bottom",
        "multi-task",
        "multi_task",
        "Ruder, 2017, https://arxiv.org/abs/1706.05098",
        "models.multi_task.shared_bottom:shared_bottom",
    ),
    Entry(
        "esmm",
        "multi-task",
        "multi_task",
        "Ma et al., SIGIR 2018, https://arxiv.org/abs/1804.07931",
        "models.multi_task.esmm:esmm",
    ),
    Entry(
        "mmoe",
        "multi-task",
        "multi_task",
        "Ma et al., KDD 2018, https://doi.org/10.1145/3219819.3220007",
        "models.multi_task.mmoe:mmoe",
    ),
    Entry(
        "ple",
        "multi-task",
        "multi_task",
        "Tang et al., RecSys 2020, https://doi.org/10.1145/3383313.3412236",
        "models.multi_task.ple:ple",
    ),
    Entry(
        "stem",
        "multi-task",
        "multi_task",
        "Su et al., AAAI 2024, https://arxiv.org/abs/2308.13537",
        "models.multi_task.stem:stem",
    ),
    Entry(
        "ame",
        "multi-task",
        "multi_task",
        "Pan et al., KDD 2024, https://arxiv.org/abs/2403.00793",
        "models.multi_task.stem:ame",
    ),
    Entry(
        "pepnet",
        "multi-domain",
        "multi_task",
        "Chang et al., KDD 2023, https://arxiv.org/abs/2302.01115",
        "models.multi_task.pepnet:pepnet",
        learns_online=False,
    ),
    Entry(
        "star",
        "multi-domain",
        "multi_task",
        "Sheng et al., CIKM 2021, https://arxiv.org/abs/2101.11427",
        "models.multi_task.star:star",
        learns_online=False,
    ),
    Entry(
        "m2m",
        "multi-domain",
        "multi_task",
        "Zhang et al., WSDM 2022, https://arxiv.org/abs/2201.06814",
        "models.multi_task.m2m:m2m",
        learns_online=False,
    ),
    Entry(
        "sar_net",
        "multi-domain",
        "multi_task",
        "Shen et al., CIKM 2021, https://arxiv.org/abs/2110.06475",
        "models.multi_task.sar_net:sar_net",
        learns_online=False,
    ),
    Entry(
        "joint_rating",
        "multi-task",
        "multi_task",
        "TensorFlow Recommenders, https://www.tensorflow.org/recommenders/examples/multitask",
        "models.multi_task.joint:joint_rating",
        learns_online=False,
    ),
    Entry(
        "dual_augmented",
        "two towers",
        "retrieval",
        "Yu et al., DLP-KDD 2021, https://dlp-kdd.github.io/assets/pdf/DLP-KDD_2021_paper_4.pdf",
        "models.retrieval.dual_augmented:dual_augmented",
    ),
    Entry(
        "youtube_dnn",
        "two towers",
        "retrieval",
        "Covington, Adams & Sargin, RecSys 2016, https://doi.org/10.1145/2959100.2959190",
        "models.retrieval.youtube_dnn:youtube_dnn",
    ),
    Entry(
        "mind",
        "interests",
        "retrieval",
        "Li et al., CIKM 2019, https://arxiv.org/abs/1904.08030",
        "models.retrieval.mind:mind",
    ),
    Entry(
        "comirec_dr",
        "interests",
        "retrieval",
        "Cen et al., KDD 2020, https://arxiv.org/abs/2005.09347",
        "models.retrieval.comirec:comirec",
        options={"extractor": "routing"},
    ),
    Entry(
        "comirec_sa",
        "interests",
        "retrieval",
        "Cen et al., KDD 2020, https://arxiv.org/abs/2005.09347",
        "models.retrieval.comirec:comirec",
        options={"extractor": "attention"},
    ),
    Entry(
        "fm_vectors",
        "factorisation",
        "retrieval",
        "Rendle, ICDM 2010, https://doi.org/10.1109/ICDM.2010.127",
        "models.retrieval.fm_vectors:fm_vectors",
    ),
    Entry(
        "gru4rec",
        "next item",
        "retrieval",
        "Hidasi & Karatzoglou, CIKM 2018, https://arxiv.org/abs/1706.03847",
        "models.next_item.gru4rec:gru4rec",
        loss="bpr_max",
    ),
    Entry(
        "sasrec",
        "next item",
        "retrieval",
        "Kang & McAuley, ICDM 2018, https://arxiv.org/abs/1808.09781",
        "models.next_item.sasrec:sasrec",
        loss="bce",
    ),
    Entry(
        "gsasrec",
        "next item",
        "retrieval",
        "Petrov & Macdonald, RecSys 2023, https://arxiv.org/abs/2308.07192",
        "models.next_item.sasrec:sasrec",
        loss="gbce",
    ),
    Entry(
        "bert4rec",
        "next item",
        "retrieval",
        "Sun et al., CIKM 2019, https://arxiv.org/abs/1904.06690",
        "models.next_item.bert4rec:bert4rec",
        loss="softmax",
    ),
    Entry(
        "hstu",
        "next item",
        "retrieval",
        "Zhai et al., ICML 2024, https://arxiv.org/abs/2402.17152",
        "models.next_item.hstu:hstu",
        loss="softmax",
    ),
    Entry(
        "item_knn",
        "neighbours",
        "matrix",
        "Sarwar et al., WWW 2001, https://doi.org/10.1145/371920.372071",
        "models.collaborative.neighbours:ItemNeighbours",
        learns_online=False,
    ),
    Entry(
        "user_knn",
        "neighbours",
        "matrix",
        "Herlocker et al., SIGIR 1999, https://doi.org/10.1145/312624.312682",
        "models.collaborative.neighbours:UserNeighbours",
        learns_online=False,
    ),
    Entry(
        "ease",
        "linear",
        "matrix",
        "Steck, WWW 2019, https://arxiv.org/abs/1905.03375",
        "models.collaborative.ease:Ease",
        learns_online=False,
    ),
    Entry(
        "als",
        "factorisation",
        "matrix",
        "Hu, Koren & Volinsky, ICDM 2008, https://doi.org/10.1109/ICDM.2008.22",
        "models.collaborative.als:ImplicitAls",
        learns_online=False,
    ),
    Entry(
        "bpr",
        "factorisation",
        "matrix",
        "Rendle et al., UAI 2009, https://arxiv.org/abs/1205.2618",
        "models.collaborative.bpr:Bpr",
        learns_online=False,
    ),
    Entry(
        "item2vec",
        "item vectors",
        "matrix",
        "Barkan & Koenigstein, 2016, https://arxiv.org/abs/1603.04259",
        "models.collaborative.item2vec:Item2Vec",
        learns_online=False,
    ),
    Entry(
        "item2vec_hs",
        "item vectors",
        "matrix",
        "Barkan & Koenigstein, 2016, https://arxiv.org/abs/1603.04259",
        "models.collaborative.item2vec:Item2Vec",
        options={"loss": "hierarchical"},
        learns_online=False,
    ),
)

_BY_NAME = {entry.name: entry for entry in CATALOGUE}


def find(name: str) -> Entry:
    """The entry of that name; of `module:function` a model of the project's own, of its role.

    Raises:
        ConfigurationError: there is none; the message names what is near, and all there are.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    if ":" in name:
        return Entry(name, "own", "ranking", "", name, is_own=True)
    near = get_close_matches(name.lower(), _BY_NAME, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError(
        f"`name` must be a model of the catalogue: {', '.join(sorted(_BY_NAME))}.{hint} "
        f"Received: {name!r}."
    )


def build(name: str, fields: Iterable[Field], **options: Any) -> Any:
    """Build a model of the catalogue.

    Args:
        fields: what it reads.
        options: of its builder, in place of their defaults.

    Raises:
        ConfigurationError: no such model of fields, or no such option.
    """
    entry = find(name)
    if entry.task == "matrix":
        raise ConfigurationError(
            f"`name` must be a model of fields. Received: {name!r}, which learns from a matrix."
        )
    defaults = entry.defaults()
    if unknown := sorted(set(options) - set(defaults)):
        raise ConfigurationError(
            f"Options of {name!r} must be among {sorted(defaults)}. Received: {unknown}."
        )
    return entry.load()(_drawn(fields, entry.row_init), **{**entry.options, **options})


def _drawn(fields: Iterable[Field], init: RowInit) -> list[Field]:
    return [replace(f, init=init) if f.is_id and f.init is None else f for f in fields]
