"""Models of several tasks, some of several domains."""

from models.entry import Entry

ENTRIES: tuple[Entry, ...] = (
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
)
