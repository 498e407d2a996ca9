namespace Pedigree.Weights.References;

/// <summary>The header Retry-After (RFC 9110, section 10.2.3).</summary>
public static class RetryAfter
{
    /// <summary>How long a server asks to wait; null where it does not say.</summary>
    public static TimeSpan? Of(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - DateTimeOffset.UtcNow is { Ticks: > 0 } wait ? wait : TimeSpan.Zero,
        _ => null,
    };
}
