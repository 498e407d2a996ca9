using TorchSharp;

namespace Pedigree.Evaluation.Models;

/// <summary>
/// Lets torch compute on one thread until it is disposed. The number of threads belongs to the process: of several that ask for
/// one, the last to go puts it back.
/// </summary>
internal sealed class SingleThread : IDisposable
{
    private static readonly Lock One = new();
    private static int _users, _before;

    private bool _disposed;

    public SingleThread()
    {
        lock (One)
        {
            if (_users++ > 0)
                return;
            _before = torch.get_num_threads();
            torch.set_num_threads(1);
        }
    }

    public void Dispose()
    {
        lock (One)
        {
            if (_disposed)
                return;
            _disposed = true;
            if (--_users == 0)
                torch.set_num_threads(_before);
        }
    }
}
