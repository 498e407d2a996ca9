namespace Pedigree.Api.Hosts;

/// <summary>Places for so many runs at a time.</summary>
internal sealed class Workers(int places)
{
    private readonly SemaphoreSlim _free = new(places);

    /// <summary>A place, given back when disposed; null, at once, for a run that shall end, since it does no more work.</summary>
    /// <exception cref="OperationCanceledException">The run was suspended while it waited.</exception>
    public async Task<IDisposable?> PlaceAsync(CancellationToken suspended, CancellationToken ended)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(suspended, ended);
        try
        {
            await _free.WaitAsync(either.Token);
            return new Place(_free);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested && !suspended.IsCancellationRequested)
        {
            return null;
        }
    }

    private sealed class Place(SemaphoreSlim free) : IDisposable
    {
        public void Dispose() => free.Release();
    }
}
