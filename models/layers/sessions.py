"""Sessions of a list of behaviours, the interest behind each, and how interests follow another.

Reference: Feng et al., IJCAI 2019, https://arxiv.org/abs/1905.06482, section 3.2.
"""

from typing import Any

import keras
from keras import ops

from models.layers.masked import mask_of
from models.layers.transformer import TransformerBlock


@keras.saving.register_keras_serializable("millstream")
class Sessions(keras.layers.Layer):
    """A list in parts: a new one begins where more than `gap_s` lie between two entries.

    The newest session is the first, and in each the newest entry. Sessions and entries beyond the
    maximum, which are the oldest, are left out. Without times all entries are one session. Times
    should count from an origin near to them: as seconds since 1970, float32 rounds them to 128.

    Args:
        sessions: at most.
        entries: of a session, at most.
        gap_s: seconds.

    Input: vectors (batch, length, width), newest first; ids (batch, length); optionally the times
    of the entries in seconds (batch, length).
    Output: vectors (batch, sessions, entries, width), zeros where no entry is; and where there is
    one (batch, sessions, entries), 0 or 1.
    """

    def __init__(self, sessions: int, entries: int, gap_s: float = 1800.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sessions = sessions
        self.entries = entries
        self.gap_s = gap_s

    def call(self, vectors: Any, ids: Any, times: Any = None) -> tuple[Any, Any]:
        there = mask_of(ids, "int32")
        session = ops.zeros_like(there)
        if times is not None:
            apart = ops.cast(times[:, :-1] - times[:, 1:] > self.gap_s, "int32")
            cuts = apart * there[:, :-1] * there[:, 1:]
            session = ops.pad(ops.cumsum(cuts, axis=1), [[0, 0], [1, 0]])
        # How many entries of the same session are newer.
        same = ops.cast(session[:, :, None] == session[:, None, :], "int32") * there[:, None, :]
        entry = ops.sum(ops.tril(same, -1), axis=-1)
        of_session = ops.one_hot(session, self.sessions) * ops.cast(there, "float32")[..., None]
        chosen = of_session[..., None] * ops.one_hot(entry, self.entries)[:, :, None, :]
        parts = ops.einsum("blkt,bld->bktd", ops.cast(chosen, vectors.dtype), vectors)
        return parts, ops.cast(ops.sum(chosen, axis=1), "int32")

    def get_config(self) -> dict[str, Any]:
        own = {"sessions": self.sessions, "entries": self.entries, "gap_s": self.gap_s}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("millstream")
class SessionInterest(keras.layers.Layer):
    """I_k: the mean of a transformer block over the entries of each session, after b_ktc =
    w^K_k + w^T_t + w^C_c, for session, entry and component, was added to them.

    Args:
        heads: of the block; see `TransformerBlock`.

    Input: vectors (batch, sessions, entries, width) and where there is an entry (batch, sessions,
    entries), as `Sessions` gives them. Output: interests (batch, sessions, width), zeros for a
    session that is not there; and which are (batch, sessions), 0 or 1.
    """

    def __init__(self, heads: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, vectors_shape: tuple[Any, ...], there_shape: tuple[Any, ...]) -> None:
        _, sessions, entries, width = vectors_shape

        def bias(name: str, shape: tuple[Any, ...]) -> Any:
            return self.add_weight(shape=shape, initializer="zeros", name=name)

        self.session_bias = bias("session_bias", (sessions, 1, 1))
        self.entry_bias = bias("entry_bias", (entries, 1))
        self.component_bias = bias("component_bias", (width,))
        self.block = TransformerBlock(self.heads, name="block")
        self.block.build((None, entries, width), (None, entries))

    def call(self, vectors: Any, there: Any) -> tuple[Any, Any]:
        _, sessions, entries, width = vectors.shape
        x = vectors + self.session_bias + self.entry_bias + self.component_bias
        seen = ops.reshape(there, (-1, entries))
        x = self.block(ops.reshape(x, (-1, entries, width)), seen)
        x = ops.reshape(x, (-1, sessions, entries, width))
        mask = ops.cast(there, x.dtype)[..., None]
        interests = ops.sum(mask * x, axis=2) / ops.maximum(ops.sum(mask, axis=2), 1.0)
        return interests, ops.max(there, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "heads": self.heads}


@keras.saving.register_keras_serializable("millstream")
class SessionEvolution(keras.layers.Layer):
    """H_k: the states of two LSTMs over the interests, one in each direction, side by side.

    Input: interests (batch, sessions, width) and which are there (batch, sessions);
    output: (batch, sessions, 2 width), zeros for a session that is not there.
    """

    def build(self, interests_shape: tuple[Any, ...], present_shape: tuple[Any, ...]) -> None:
        # Without cuDNN, which asks for a mask that is right-padded and never empty.
        lstm = keras.layers.LSTM(
            interests_shape[-1], return_sequences=True, use_cudnn=False, name="lstm"
        )
        self.both = keras.layers.Bidirectional(lstm, name="both")
        self.both.build(interests_shape)

    def call(self, interests: Any, present: Any) -> Any:
        mask = ops.not_equal(present, 0)
        states = self.both(interests, mask=mask)
        return states * ops.cast(mask, states.dtype)[..., None]
