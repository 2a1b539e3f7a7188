"""What can be done side by side in a recurrent net, on any `concurrent.futures.Executor`, and what cannot.

    data_parallel   a batch in shards, one for each worker; their gradients averaged
    ensemble        several models trained side by side, their predictions combined
    scan            the steps of a *linear* recurrence, in 2 log2(T) rounds instead of T

The steps of an RNN, LSTM or GRU wait for one another: `stages` measures what waits for what, scan.py says why.

Threads, processes, a cluster: the call is the same, and so are the bits, given the same shards and one BLAS thread.

    rl.fit(network, task, workers=2)                                # processes here, with one BLAS thread each

    with ThreadPoolExecutor(2) as executor:                         # threads: no parameters are sent; for large layers
        rl.fit(network, task, executor=executor, workers=2)

    with Client("tcp://HOST:8786", timeout=10) as client:           # Dask: from distributed import Client
        rl.fit(network, task, executor=client.get_executor(pure=False), workers=8)

    with MPIPoolExecutor(8) as executor:                            # MPI: from mpi4py.futures import MPIPoolExecutor
        rl.fit(network, task, executor=executor, workers=8)         # mpiexec -n 9 python -m mpi4py.futures train.py

Processes are started by "spawn", so a script that uses them needs its `if __name__ == "__main__":`. A Dask cluster
of two workers on this machine is one line in a shell, `pip install "rnnlab[distributed]"` before it:

    dask scheduler --port 8786 & dask worker tcp://127.0.0.1:8786 --nworkers 2 --nthreads 1

and `dask ssh HOST1 HOST2 --nthreads 1` starts one on several machines. Dask sets one BLAS thread itself; with an
executor of your own, set OPENBLAS_NUM_THREADS=1 before Python starts. `pure=False` keeps Dask from hashing every batch.
"""

from rnnlab.parallel.data import data_parallel, require_rows_apart
from rnnlab.parallel.ensembles import (
    Ambiguity,
    ambiguity,
    ensemble,
    evaluate_ensemble,
    majority_vote,
    mean_prediction,
    mean_probability,
)
from rnnlab.parallel.processes import Processes
from rnnlab.parallel.scan import scan, scan_backward, scan_forward, work_and_depth
from rnnlab.parallel.stages import stages
from rnnlab.parallel.workers import WorkerError

__all__ = [
    "Ambiguity",
    "Processes",
    "WorkerError",
    "ambiguity",
    "data_parallel",
    "ensemble",
    "evaluate_ensemble",
    "majority_vote",
    "mean_prediction",
    "mean_probability",
    "require_rows_apart",
    "scan",
    "scan_backward",
    "scan_forward",
    "stages",
    "work_and_depth",
]
