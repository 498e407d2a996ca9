using Microsoft.AspNetCore.Http;
using Pedigree.Evolution;
using Pedigree.Workflow.Specs;

namespace Pedigree.Api;

/// <summary>A request that is not carried out: becomes a problem document (RFC 9457).</summary>
/// <param name="status">Status code of HTTP.</param>
/// <param name="field">The parameter, header or key of the spec at fault; null where it is the request as a whole.</param>
/// <param name="reason">What is wrong and what would be right.</param>
public sealed class RefusedException(int status, string? field, string reason) : Exception(reason)
{
    /// <summary>Status code of HTTP.</summary>
    public int Status { get; } = status;

    /// <summary>What is at fault; null where it is the request as a whole.</summary>
    public string? Field { get; } = field;

    /// <summary>400: the request is wrong in itself.</summary>
    public static RefusedException Wrong(string? field, string reason) => new(StatusCodes.Status400BadRequest, field, reason);

    /// <summary>404: what it is about does not exist.</summary>
    public static RefusedException NotFound(string field, string reason) => new(StatusCodes.Status404NotFound, field, reason);

    /// <summary>409: the run's state does not allow it.</summary>
    public static RefusedException Conflict(string? field, string reason) => new(StatusCodes.Status409Conflict, field, reason);

    /// <summary>409 where a run of that id was begun with another spec.</summary>
    public static void ThrowIfOther(string run, RunSpec? begun, RunSpec given)
    {
        if (begun is not null && SpecDifference.First(begun, given) is { } difference)
            throw Conflict(difference.Field,
                $"is {difference.Right}, but run {run} was begun with {difference.Left}; restore it or choose another run id");
    }
}
