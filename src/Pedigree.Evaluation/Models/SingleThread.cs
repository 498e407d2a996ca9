using TorchSharp;

namespace Pedigree.Evaluation.Models;

/// <summary>
/// Lets torch compute on one thread until it is disposed. The number of threads belongs to the process: of several that ask for one, the
/// last to go puts it back.
/// </summary>
internal sealed class SingleThread : IDisposable
{
    private static readonly Lock one = new();
    private static int users, before;

    private bool disposed;

    public SingleThread()
    {
        lock (one)
        {
            if (users++ > 0)
                return;
            before = torch.get_num_threads();
            torch.set_num_threads(1);
        }
    }

    public void Dispose()
    {
        lock (one)
        {
            if (disposed)
                return;
            disposed = true;
            if (--users == 0)
                torch.set_num_threads(before);
        }
    }
}
