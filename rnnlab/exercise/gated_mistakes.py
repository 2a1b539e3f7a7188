"""The known mistakes in the lines that only the LSTM's or the GRU's backward has."""

from collections.abc import Mapping

Lines = Mapping[str, Mapping[str, str]]

LSTM: Lines = {
    "dcs[T] += dc_end": {
        "pass": "never adds dc_end, what arrives at the last cell",
    },
    "dc = dcs[t] + dhs[t] * o * (1 - np.tanh(cs[t]) ** 2)": {
        "dc = dcs[t] + dhs[t] * o": "leaves the slope 1 - tanh²(c) out of dc",
        "dc = dcs[t] + dhs[t] * o * (1 - np.tanh(np.tanh(cs[t])) ** 2)": "takes tanh once too often in the slope of "
        "dc: 1 - tanh²(tanh(c))",
        "dc = dcs[t]": "lets c[t] hear nothing of h[t]: dc lacks dh o (1 - tanh²(c))",
        "dc = dhs[t] * o * (1 - np.tanh(cs[t]) ** 2)": "makes dc of dh alone, without what flows back from c[t + 1]",
        "dc = dcs[t] + dhs[t] * (1 - np.tanh(cs[t]) ** 2)": "leaves the output gate o out of dc",
        "dc = dcs[t] + dhs[t] * o * (1 - cs[t] ** 2)": "has 1 - c² in dc, where 1 - tanh²(c) belongs",
        "dc = dcs[t] = dcs[t] + dhs[t] * o * (1 - np.tanh(cs[t]) ** 2)": "counts in dcs[t] what c[t] does by way of "
        "h[t], which dhs[t] has already",
    },
    "da_i = dc * g * i * (1 - i)": {
        "da_i = dc * g * i": "leaves 1 - i out of da_i",
        "da_i = dc * i * (1 - i)": "leaves g out of da_i",
    },
    "da_f = dc * cs[t - 1] * f * (1 - f)": {
        "da_f = dc * cs[t] * f * (1 - f)": "reads c[t] in da_f, where c[t - 1] belongs",
        "da_f = dc * cs[t - 1] * f": "leaves 1 - f out of da_f",
        "da_f = dc * hs[t - 1] * f * (1 - f)": "reads h[t - 1] in da_f, where c[t - 1] belongs",
    },
    "da_g = dc * i * (1 - g**2)": {
        "da_g = dc * i * g * (1 - g)": "takes the sigmoid's slope for the candidate: g (1 - g) for 1 - g²",
        "da_g = dc * i": "leaves the slope 1 - g² out of da_g",
        "da_g = dc * (1 - g**2)": "leaves i out of da_g",
    },
    "da_o = dhs[t] * np.tanh(cs[t]) * o * (1 - o)": {
        "da_o = dhs[t] * cs[t] * o * (1 - o)": "has c in da_o, where tanh(c) belongs",
        "da_o = dc * np.tanh(cs[t]) * o * (1 - o)": "has dc in da_o, where dh belongs",
        "da_o = dhs[t] * np.tanh(cs[t]) * o": "leaves 1 - o out of da_o",
    },
    "da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)": {
        "da = np.concatenate([da_f, da_i, da_g, da_o], axis=1)": "has the gradients of i and f in each other's place",
        "da = np.concatenate([da_i, da_f, da_o, da_g], axis=1)": "has the gradients of g and o in each other's place",
    },
    "dcs[t - 1] += dc * f": {
        "dcs[t - 1] += 0": "lets c[t - 1] hear nothing of c[t]: dc f is missing, the path that an LSTM is built for",
        "dcs[t - 1] += dc": "carries dc back without the forget gate f",
        "dcs[t - 1] += dcs[t] * f": "carries dcs[t] f instead of dc f: what comes by way of h[t] is missing",
        "dcs[t - 1] += dc * i": "carries dc back with i, where f belongs",
    },
    "dhs[t - 1] += da @ U.T": {
        "dhs[t - 1] += sum(d @ V for d, V in zip(np.split(da, 4, axis=1), np.split(U, 4, axis=1)))": "carries da U "
        "instead of da Uᵀ, gate by gate",
        "dhs[t - 1] += da[:, : 3 * len(U)] @ U[:, : 3 * len(U)].T": "leaves the output gate out of the carry",
    },
}

GRU: Lines = {
    "da_z = dhs[t] * (hs[t - 1] - n) * z * (1 - z)": {
        "da_z = dhs[t] * (n - hs[t - 1]) * z * (1 - z)": "has n - h[t-1] in da_z, where h[t-1] - n belongs",
        "da_z = dhs[t] * hs[t - 1] * z * (1 - z)": "has h[t-1] in da_z, where h[t-1] - n belongs",
        "da_z = dhs[t] * (hs[t - 1] - n) * z": "leaves 1 - z out of da_z",
        "da_z = dhs[t] * (hs[t] - n) * z * (1 - z)": "reads h[t] in da_z, where h[t-1] belongs",
    },
    "da_n = dhs[t] * (1 - z) * (1 - n**2)": {
        "da_n = dhs[t] * (1 - n**2)": "leaves 1 - z out of da_n",
        "da_n = dhs[t] * z * (1 - n**2)": "has z in da_n, where 1 - z belongs",
        "da_n = dhs[t] * (1 - z)": "leaves the slope 1 - n² out of da_n",
        "da_n = dhs[t] * (1 - z) * n * (1 - n)": "takes the sigmoid's slope for the candidate: n (1 - n) for 1 - n²",
    },
    "da_r = da_n * m * r * (1 - r)": {
        "da_r = np.zeros_like(da_n)": "never writes da_r",
        "da_r = da_n * n * r * (1 - r)": "has n in da_r, where m belongs",
        "da_r = da_n * m * r": "leaves 1 - r out of da_r",
        "da_r = da_n * hs[t - 1] * r * (1 - r)": "has h[t-1] in da_r, where m belongs",
    },
    "dm = da_n * r": {
        "dm = da_n": "leaves the reset gate r out of dm",
    },
    "dW += xs[t - 1].T @ da": {
        "dW += xs[t - 1].T @ ds": "makes dW of ds, where da belongs: an r too many in its last block",
    },
    "dU += hs[t - 1].T @ ds": {
        "dU += hs[t - 1].T @ da": "makes dU of da, where ds belongs: r is missing in its last block",
        "dU += hs[t].T @ ds": "reads h[t] in dU, where h[t - 1] belongs",
        "dU += hs[t - 1, :-1].T @ ds[:-1]": "leaves the last sequence of the batch out of dU",
        "dU += hs[t - 1].T @ ds / B": "divides dU by the batch: the others are sums",
        "dU += hs[t - 1].T @ ds if t == T else 0": "has dU of the last step alone, not the sum over time",
        "dU += hs[t - 1].T @ ds if t > 1 else 0": "leaves h0 out of dU: the first step starts from it",
        "dU = hs[t - 1].T @ ds": "overwrites dU at every step, where it has to be added to",
    },
    "dbu += ds.sum(axis=0)": {
        "dbu += da.sum(axis=0)": "makes dbu of da, where ds belongs: as if bu did what b does",
        "dbu += ds.sum(axis=0) if t == T else 0": "has dbu of the last step alone, not the sum over time",
        "dbu += ds.mean(axis=0)": "has the mean over the batch in dbu: the others are sums",
        "dbu = ds.sum(axis=0)": "overwrites dbu at every step, where it has to be added to",
    },
    "dxs[t - 1] = da @ W.T": {
        "dxs[t - 1] = ds @ W.T": "makes dx of ds, where da belongs: an r too many in its last block",
    },
    "dhs[t - 1] += dhs[t] * z": {
        "dhs[t - 1] += 0": "leaves out dh[t] z, the path that a GRU is built for",
        "dhs[t - 1] += dhs[t] * (1 - z)": "carries dh[t] (1 - z) instead of dh[t] z",
        "dhs[t - 1] += dhs[t]": "carries dh[t] without z",
    },
    "dhs[t - 1] += ds @ U.T": {
        "pass": "leaves ds Uᵀ out of the carry: the gates' own dependence on h[t-1]",
        "dhs[t - 1] -= ds @ U.T": "has the sign of ds Uᵀ in the carry wrong",
        "dhs[t - 1] += da @ U.T": "carries da Uᵀ instead of ds Uᵀ: r is missing in the last block",
        "dhs[t - 1] += da_z @ U[:, : len(U)].T + da_r @ U[:, len(U) : 2 * len(U)].T + "
        "(da_n @ U[:, 2 * len(U) :].T) * r": "lets r act before the product, as in Cho et al. (2014): "
        "(da_n U_nᵀ) r for (da_n r) U_nᵀ",
        "dhs[t - 1] += sum(d @ V for d, V in zip(np.split(ds, 3, axis=1), np.split(U, 3, axis=1)))": "carries ds U "
        "instead of ds Uᵀ, gate by gate",
    },
}
