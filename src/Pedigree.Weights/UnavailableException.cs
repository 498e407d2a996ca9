namespace Pedigree.Weights;

/// <summary>
/// What is needed cannot be had now: no room on a disk, no right to a file, a service that does not answer. It says nothing about
/// what is kept there; the same may succeed later.
/// </summary>
public class UnavailableException(string file, string? field, string message, Exception? inner = null)
    : BadInputException(file, field, message, inner);
